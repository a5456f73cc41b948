// The peer BullMQ. `node timers.mjs add PORT`: lines "due subject" on stdin become delayed jobs; the number of those
// acknowledged so far is printed after each bulk. `node timers.mjs work PORT FILE`: what fires is appended to FILE as
// "received due subject". Both end when stdin closes or on SIGTERM.
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';

const [mode, port, file] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const BULK = 500;

async function add() {
  const queue = new Queue('timers', { connection });
  let acknowledged = 0;
  let bulk = [];
  const send = async () => {
    const now = Date.now();
    const jobs = bulk.map(([due, subject]) => ({
      name: 'timer',
      data: { due, subject },
      opts: { jobId: subject.replaceAll(':', '_'), delay: due - now, removeOnComplete: true, removeOnFail: true },
    }));
    bulk = [];
    await queue.addBulk(jobs);
    acknowledged += jobs.length;
    console.log(acknowledged);
  };
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === '') {
      if (bulk.length) await send(); // an empty line ends a load
      continue;
    }
    const [due, subject] = line.split(' ');
    bulk.push([Number(due), subject]);
    if (bulk.length === BULK) await send();
  }
  await queue.close();
}

async function work() {
  const out = createWriteStream(file, { flags: 'a' });
  const worker = new Worker(
    'timers',
    async (job) => {
      out.write(`${Date.now()} ${job.data.due} ${job.data.subject}\n`);
    },
    { connection, concurrency: 100 },
  );
  await worker.waitUntilReady();
  process.on('SIGTERM', () => worker.close().then(() => process.exit(0)));
}

await (mode === 'add' ? add() : work());
