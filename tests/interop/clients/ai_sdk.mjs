// Drives the Vercel AI SDK with @ai-sdk/openai-compatible as its documentation shows it.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { TASKS, main } from './turns.mjs';

const folder = process.argv[2];
const require = createRequire(pathToFileURL(`${folder}/`));
const { generateText, streamText, generateObject, tool, stepCountIs } = require('ai');
const { createOpenAICompatible } = require('@ai-sdk/openai-compatible');
const { z } = require('zod');

globalThis.AI_SDK_LOG_WARNINGS = false;
const provider = (baseURL, more = {}, apiKey = 'reference') =>
  createOpenAICompatible({ name: 'reference', baseURL, apiKey, ...more });
const model = (url, more, key) => provider(url, more, key)('reference-1');
const settings = () => ({ maxRetries: 0, abortSignal: AbortSignal.timeout(3000) });
const weather = (seen) =>
  tool({
    description: 'Current weather by city',
    inputSchema: z.object({ city: z.string() }),
    ...(seen ? { execute: async (given) => { seen.push(given); return TASKS.result; } } : {}),
  });
const person = z.object({ name: z.string(), age: z.number() });

async function streamed(url, asked, more = {}) {
  const result = streamText({ model: model(url, more), ...asked, ...settings(), onError: () => {} });
  let text = '';
  for await (const part of result.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'tool-error') throw part.error;
    if (part.type === 'text-delta') text += part.text;
  }
  return { text, calls: await result.toolCalls, usage: await result.totalUsage };
}

function inOrder(calls) {
  if (calls.some((call) => call.invalid)) throw new Error(`invalid call: ${calls.map((call) => call.error?.message)}`);
  if (!calls.every((call) => call.toolCallId) || new Set(calls.map((call) => call.toolCallId)).size !== calls.length) throw new Error('ids');
  return calls.map((call) => [call.toolName, call.input]);
}

const told = (usage) => [usage.inputTokens, usage.outputTokens, usage.totalTokens];
const answered = (error) => [error?.statusCode ?? error?.name, error?.data?.error?.message ?? error?.message ?? null];
const generated = (url, asked, more) => generateText({ model: model(url, more), ...asked, ...settings() });

await main({
  chat: async (url) => (await generated(url, { prompt: TASKS.fox })).text,
  hello: async (url) => (await generated(url, { prompt: TASKS.hello })).text,
  system: async (url) => (await generated(url, { system: TASKS.system, prompt: TASKS.hello })).text,
  history: async (url) => {
    const first = await generated(url, { prompt: TASKS.fact });
    const messages = [{ role: 'user', content: TASKS.fact }, ...first.response.messages, { role: 'user', content: TASKS.question }];
    return (await generated(url, { messages })).text;
  },
  stream: async (url) => (await streamed(url, { prompt: TASKS.count })).text,
  tools: async (url) => {
    const seen = [];
    const { text } = await generated(url, { prompt: TASKS.weather, tools: { get_weather: weather(seen) }, stopWhen: stepCountIs(3) });
    return [seen, text];
  },
  parallel_tools: async (url) => inOrder((await generated(url, { prompt: TASKS.cities, tools: { get_weather: weather() } })).toolCalls),
  streamed_tools: async (url) => {
    const seen = [];
    const { text } = await streamed(url, { prompt: TASKS.weather, tools: { get_weather: weather(seen) }, stopWhen: stepCountIs(3) });
    return [seen, text];
  },
  streamed_parallel_tools: async (url) => inOrder((await streamed(url, { prompt: TASKS.cities, tools: { get_weather: weather() } })).calls),
  usage: async (url) => told((await generated(url, { prompt: TASKS.fox })).usage),
  streamed_usage: async (url) => told((await streamed(url, { prompt: TASKS.fox }, { includeUsage: true })).usage),
  schema: async (url) => {
    const asked = { model: model(url, { supportsStructuredOutputs: true }), schema: person, prompt: TASKS.person, ...settings() };
    return Object.keys((await generateObject(asked)).object);
  },
  picture: async (url) => {
    const content = [{ type: 'text', text: TASKS.picture }, { type: 'image', image: TASKS.png }];
    return (await generated(url, { messages: [{ role: 'user', content }] })).text;
  },
  limit: async (url) => (await generated(url, { prompt: TASKS.long, maxOutputTokens: 10 })).text,
  required: async (url) =>
    inOrder((await generated(url, { prompt: TASKS.hello, tools: { get_weather: weather() }, toolChoice: 'required' })).toolCalls).map(
      ([name, given]) => [name, Object.keys(given)],
    ),
  wrong_key: async (url) => {
    try {
      await generateText({ model: model(url, {}, 'wrong'), prompt: TASKS.hello, ...settings() });
    } catch (error) {
      return answered(error);
    }
    return null;
  },
  wrong_model: async (url) => {
    try {
      await generateText({ model: provider(url)('no-such-model'), prompt: TASKS.hello, ...settings() });
    } catch (error) {
      return answered(error);
    }
    return null;
  },
});
