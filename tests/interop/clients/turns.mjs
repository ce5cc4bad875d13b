// What the JavaScript drivers share: the tasks, and the loop over servers.
import { readFileSync } from 'node:fs';

export const TASKS = JSON.parse(readFileSync(new URL('./tasks.json', import.meta.url)));
const SECONDS = 8;

const late = () => new Promise((resolve) => setTimeout(() => resolve({ error: 'hangs' }), SECONDS * 1000).unref());

async function came(task, url) {
  const began = performance.now();
  const ran = (async () => {
    try {
      return { value: (await task(url)) ?? null };
    } catch (error) {
      return { error: `${error?.name}: ${String(error?.message ?? error).slice(0, 160)}` };
    }
  })();
  const outcome = await Promise.race([ran, late()]);
  return performance.now() - began > 2500 ? { error: `hangs${outcome.error && outcome.error !== 'hangs' ? `: ${outcome.error}` : ''}` } : outcome;
}

export async function main(tasks) {
  process.on('unhandledRejection', () => {});
  process.on('uncaughtException', () => {});
  const servers = JSON.parse(readFileSync(0, 'utf8'));
  for (const [fault, url] of servers) {
    const found = {};
    for (const [name, task] of Object.entries(tasks)) found[name] = await came(task, url);
    console.log(JSON.stringify({ fault, came: found }));
  }
  process.exit(0);
}
