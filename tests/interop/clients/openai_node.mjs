// Drives npm `openai` as its documentation shows it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { TASKS, main } from './turns.mjs';

const folder = process.argv[2];
const require = createRequire(pathToFileURL(`${folder}/`));
const { default: OpenAI } = require('openai');
const { zodResponseFormat } = require('openai/helpers/zod');
const { z } = require('zod');

const model = 'reference-1';
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tool = { type: 'function', function: { name: 'get_weather', description: 'Current weather by city', parameters } };
const client = (baseURL, apiKey = 'reference') => new OpenAI({ baseURL, apiKey, timeout: 3000, maxRetries: 0 });
const user = (content) => ({ role: 'user', content });
const plain = (url, messages, more = {}) => client(url).chat.completions.create({ model, messages, ...more });

async function streamed(url, messages, more = {}) {
  let text = '', usage;
  const calls = {};
  for await (const chunk of await plain(url, messages, { stream: true, ...more })) {
    usage = chunk.usage ?? usage;
    const delta = chunk.choices[0]?.delta;
    text += delta?.content ?? '';
    for (const part of delta?.tool_calls ?? []) {
      const call = (calls[part.index] ??= { id: '', name: '', arguments: '' });
      call.id = part.id || call.id;
      call.name += part.function?.name ?? '';
      call.arguments += part.function?.arguments ?? '';
    }
  }
  return { text, calls: Object.values(calls), usage };
}

function inOrder(calls) {
  if (!calls.every((call) => call.id) || new Set(calls.map((call) => call.id)).size !== calls.length) throw new Error('ids');
  return calls.map((call) => [call.name, JSON.parse(call.arguments)]);
}

const told = (usage) => [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens];
const answered = (error) => [error?.constructor?.name, error?.error?.message ?? null];
const message = async (url, messages, more) => (await plain(url, messages, more)).choices[0].message;

await main({
  chat: async (url) => (await message(url, [user(TASKS.fox)])).content,
  hello: async (url) => (await message(url, [user(TASKS.hello)])).content,
  system: async (url) => (await message(url, [{ role: 'system', content: TASKS.system }, user(TASKS.hello)])).content,
  history: async (url) => {
    const first = await message(url, [user(TASKS.fact)]);
    return (await message(url, [user(TASKS.fact), first, user(TASKS.question)])).content;
  },
  stream: async (url) => (await streamed(url, [user(TASKS.count)])).text,
  stream_helper: async (url) => {
    const runner = client(url).chat.completions.stream({ model, messages: [user(TASKS.count)] });
    let text = '';
    runner.on('content', (delta) => (text += delta));
    return [text, (await runner.finalChatCompletion()).choices[0].message.content];
  },
  stream_helper_tools: async (url) => {
    const runner = client(url).chat.completions.stream({ model, messages: [user(TASKS.cities)], tools: [tool] });
    const final = (await runner.finalChatCompletion()).choices[0].message;
    return inOrder(final.tool_calls.map((call) => ({ id: call.id, ...call.function })));
  },
  run_tools: async (url) => {
    const seen = [];
    const run = (given) => { seen.push(given); return TASKS.result; };
    const runner = client(url).chat.completions.runTools({
      model,
      messages: [user(TASKS.weather)],
      tools: [{ type: 'function', function: { ...tool.function, function: run, parse: JSON.parse } }],
    });
    return [seen, await runner.finalContent()];
  },
  tools: async (url) => {
    const messages = [user(TASKS.weather)], seen = [];
    for (let turn = 0; turn < 3; turn++) {
      const said = await message(url, messages, { tools: [tool] });
      if (!said.tool_calls?.length) return [seen, said.content];
      messages.push(said);
      for (const call of said.tool_calls) {
        seen.push([call.function.name, JSON.parse(call.function.arguments)]);
        messages.push({ role: 'tool', tool_call_id: call.id, content: TASKS.result });
      }
    }
    throw new Error('it never stops calling');
  },
  parallel_tools: async (url) =>
    inOrder((await message(url, [user(TASKS.cities)], { tools: [tool] })).tool_calls.map((call) => ({ id: call.id, ...call.function }))),
  streamed_tools: async (url) => inOrder((await streamed(url, [user(TASKS.weather)], { tools: [tool] })).calls),
  streamed_parallel_tools: async (url) => inOrder((await streamed(url, [user(TASKS.cities)], { tools: [tool] })).calls),
  usage: async (url) => told((await plain(url, [user(TASKS.fox)])).usage),
  streamed_usage: async (url) => told((await streamed(url, [user(TASKS.fox)], { stream_options: { include_usage: true } })).usage),
  schema: async (url) => {
    const response_format = zodResponseFormat(z.object({ name: z.string(), age: z.number() }), 'person');
    const parsed = await client(url).chat.completions.parse({ model, messages: [user(TASKS.person)], response_format });
    const { name, age } = parsed.choices[0].message.parsed;
    return [typeof name, typeof age];
  },
  picture: async (url) => {
    const parts = [{ type: 'text', text: TASKS.picture }, { type: 'image_url', image_url: { url: TASKS.png } }];
    return (await message(url, [user(parts)])).content;
  },
  limit: async (url) => (await message(url, [user(TASKS.long)], { max_tokens: 10 })).content,
  newer_limit: async (url) => (await message(url, [user(TASKS.long)], { max_completion_tokens: 10 })).content,
  developer: async (url) => (await message(url, [{ role: 'developer', content: TASKS.system }, user(TASKS.hello)])).content,
  required: async (url) => {
    const said = await message(url, [user(TASKS.hello)], { tools: [tool], tool_choice: 'required' });
    return said.tool_calls.map((call) => [call.function.name, Object.keys(JSON.parse(call.function.arguments))]);
  },
  models: async (url) => {
    const ids = [];
    for await (const one of client(url).models.list()) ids.push(one.id);
    return ids;
  },
  wrong_key: async (url) => {
    try {
      await client(url, 'wrong').models.list();
      await client(url, 'wrong').chat.completions.create({ model, messages: [user(TASKS.hello)] });
    } catch (error) {
      return answered(error);
    }
    return null;
  },
  wrong_model: async (url) => {
    try {
      await client(url).chat.completions.create({ model: 'no-such-model', messages: [user(TASKS.hello)] });
    } catch (error) {
      return answered(error);
    }
    return null;
  },
});
