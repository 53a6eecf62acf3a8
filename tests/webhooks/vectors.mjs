// Prints bodies as JSON.stringify makes them, signed with Node's crypto: `node vectors.mjs > vectors.json`.
import { createHmac } from "node:crypto";

const secret = "whsec_vectors_0123456789abcdef";
const about = { meetingCode: "Boooply-AI-1", timestamp: "2026-06-01T12:00:00.000Z" };
const payloads = {
  plain: { event: "interview.scores", data: { ...about, overallRating: 4 } },
  accents: { event: "interview.evaluation", data: { ...about, candidateName: "Zoë Åström-Nuñez", summary: "très bien" } },
  emoji: { event: "interview.evaluation", data: { ...about, candidateName: "👩🏽‍💻 Ada", summary: "🎉" } },
  "lone surrogates": { event: "interview.transcript", data: { ...about, transcript: [{ speaker: "A\ud800", text: "\udc00 \ud83d" }] } },
  numbers: { event: "interview.scores", data: { ...about, scores: { overall: 1.0, communication: 1e21, cultureFit: 1e-7, problemSolving: -0, technicalSkills: 0.1 + 0.2 }, overallRating: 123456789012345680000 } },
  nulls: { event: "interview.evaluation", data: { ...about, scores: null, nextSteps: { recommendation: null, questionsToAsk: [null, { deeper: null }] }, sourceId: null } },
  controls: { event: "interview.transcript", data: { ...about, transcript: [{ speaker: "\u0000\u001f\u007f", text: "\"\\/\b\f\n\r\t\u2028\u2029" }] } },
  unknown: { event: "interview.from_the_future", data: { ...about, anything: [1, [2, [3]]] } },
};
const vectors = Object.entries(payloads).map(([name, payload]) => {
  const body = JSON.stringify(payload);
  return { name, body: Buffer.from(body).toString("base64"), signature: createHmac("sha256", secret).update(body).digest("hex") };
});
console.log(JSON.stringify({ secret, vectors }, null, 1));
