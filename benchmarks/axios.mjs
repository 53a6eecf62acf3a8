// Awaited calls with axios: `node axios.mjs OPERATION CONCURRENCY COUNT BASE_URL`, after `npm install` here.
import http from "node:http";
import axios from "axios";

const [operation, concurrency, count, baseURL] = process.argv.slice(2);
const client = axios.create({
  baseURL,
  httpAgent: new http.Agent({ keepAlive: true, maxSockets: Number(concurrency) }),
  headers: { Authorization: "Bearer bply_org_0123456789abcdef" },
});
const body = {
  meetingType: "AI_ONLY",
  jobRole: "Frontend Engineer",
  participants: [{ name: "Jane Doe", email: "jane@example.com", role: "CANDIDATE" }],
  durationMinutes: 30,
  skills: ["React", "TypeScript", "Testing"],
  seniority: "SENIOR",
  companyName: "Acme",
};
const path = "/api/integration/interviews";
const call = operation === "get" ? () => client.get(`${path}/Boooply-AI-1`) : () => client.post(path, body);

async function many(times) {
  let left = times;
  const work = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, work));
}

await many(Math.max(Number(concurrency), count / 10));
const began = performance.now();
const cpu = process.cpuUsage();
await many(Number(count));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({ per_second: count / seconds, cpu_us: (user + system) / count, peak_mb: process.resourceUsage().maxRSS / 1024 }),
);
