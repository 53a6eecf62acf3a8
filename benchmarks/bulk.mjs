// The usual way in JavaScript: `node bulk.mjs COUNT BASE_URL`, Promise.all over axios in slices of 100.
import http from "node:http";
import axios from "axios";

const [count, baseURL] = process.argv.slice(2);
const client = axios.create({
  baseURL,
  httpAgent: new http.Agent({ keepAlive: true, maxSockets: 100 }),
  headers: { Authorization: "Bearer bply_platform_0123456789abcdef" },
});

async function mint(number) {
  const body = {
    userId: "1",
    userEmail: `admin${number}@example.com`,
    organizationId: `org_${number}`,
    organizationName: "Acme",
  };
  return (await client.post("/api/server-auth/create-api-key", body)).data.apiKey;
}

async function all(times) {
  for (let first = 0; first < times; first += 100) {
    const slice = Array.from({ length: Math.min(100, times - first) }, (_, one) => mint(first + one));
    await Promise.all(slice);
  }
}

const peak = () => process.resourceUsage().maxRSS / 1024;
await all(500);
const before = peak();
const began = performance.now();
const cpu = process.cpuUsage();
await all(Number(count));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({ per_second: count / seconds, cpu_us: (user + system) / count, growth_mb: peak() - before }),
);
