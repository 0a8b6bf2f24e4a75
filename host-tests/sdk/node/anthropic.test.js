// Anthropic's official SDK, and the Vercel AI SDK's Anthropic provider: whole and streamed, tools, counting, errors.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { Output, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { all, chained, ruled, unruled, user } from './support.js';

const MODEL = 'claude-sonnet-4-5';
const QUESTION = 'How is the weather?';
const ANSWER = 'It is 18 degrees in Paris.';

/** A client that gives up at the first failure; its base URL has no `/v1`. */
const connect = (url, options = {}) =>
  new Anthropic({ baseURL: url.replace(/\/v1$/, ''), apiKey: process.env.OPENAI_API_KEY, maxRetries: 0, timeout: 30_000, ...options });

const client = connect(process.env.OPENAI_BASE_URL);
const asked = (text, more = {}) => ({ model: MODEL, max_tokens: 200, messages: user(text), ...more });

// The gateway behind is called by chat completions, where it serves no Claude models and does not think.
describe('messages', { skip: chained }, () => {
  test('create', async () => {
    const message = await client.messages.create(asked('Hello there'));
    assert.deepEqual([message.content[0].text, message.stop_reason], ['Hello there', 'end_turn']);
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
    assert.ok(message._request_id);
  });

  test('a stream of events', async () => {
    const events = await all(client.messages.create(asked('Hello there, all of you', { stream: true })));
    const texts = events.filter((event) => event.type === 'content_block_delta').map((event) => event.delta.text);
    assert.equal(texts.join(''), 'Hello there, all of you');
    assert.ok(texts.length > 2);
  });

  test('a stream that accumulates', async () => {
    const stream = client.messages.stream(asked('Hello there'));
    assert.equal(await stream.finalText(), 'Hello there');
    assert.equal((await stream.finalMessage()).stop_reason, 'end_turn');
  });

  test('thinking crosses back', async () => {
    const more = { max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 1024 } };
    const first = await client.messages.stream(asked('One', more)).finalMessage();
    assert.deepEqual(first.content.map((block) => block.type), ['thinking', 'text']);
    const messages = [...user('One'), { role: 'assistant', content: first.content }, ...user('Two')];
    assert.equal((await client.messages.create(asked('', { ...more, messages }))).content.at(-1).text, 'Two');
  });

  test('tokens are counted', async () => {
    const few = await client.messages.countTokens({ model: MODEL, messages: user('Hello') });
    const more = await client.messages.countTokens({ model: MODEL, messages: user('Hello '.repeat(50)) });
    assert.ok(few.input_tokens > 0 && few.input_tokens < more.input_tokens);
  });

  test('the raw response', async () => {
    const { data, response, request_id } = await client.messages.create(asked('Hello')).withResponse();
    assert.equal(data.content[0].text, 'Hello');
    assert.equal(response.headers.get('request-id'), request_id);
  });

  test('models', async () => {
    const models = await all(client.models.list());
    assert.ok(models.some((model) => model.id.startsWith(MODEL)));
    assert.ok(models.every((model) => model.type === 'model' && model.display_name));
  });

  test('errors', async () => {
    await assert.rejects(client.messages.create(asked('a', { model: 'claude-none' })), Anthropic.NotFoundError);
    await assert.rejects(client.messages.create(asked('a', { temperature: 3 })), Anthropic.BadRequestError);
    const stranger = connect(process.env.OPENAI_BASE_URL, { apiKey: 'sk-wrong' });
    await assert.rejects(stranger.messages.create(asked('a')), Anthropic.AuthenticationError);
  });
});

describe('the tool runner', { skip: unruled }, () => {
  test('it calls the tool and ends in text', async () => {
    const cities = [];
    const run = async ({ city }) => cities.push(city) && '18 degrees';
    const inputSchema = z.object({ city: z.string() });
    const tools = [betaZodTool({ name: 'get_weather', description: 'The weather of a city.', inputSchema, run })];
    const runner = connect(ruled).beta.messages.toolRunner({ model: MODEL, max_tokens: 500, tools, messages: user(QUESTION) });
    assert.equal((await runner.runUntilDone()).content[0].text, ANSWER);
    assert.deepEqual(cities, ['Paris']);
  });
});

describe("the Vercel AI SDK's Anthropic provider", { skip: unruled }, () => {
  const model = ruled && createAnthropic({ baseURL: ruled, apiKey: process.env.OPENAI_API_KEY })(MODEL);
  const cities = [];
  const tools = {
    get_weather: tool({
      description: 'The weather of a city.',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => cities.push(city) && '18 degrees',
    }),
  };
  const loop = { model, prompt: QUESTION, tools, stopWhen: stepCountIs(5), maxRetries: 0 };

  test('the loop', async () => {
    cities.length = 0;
    const { text, steps } = await generateText(loop);
    assert.deepEqual([text, cities], [ANSWER, ['Paris']]);
    assert.deepEqual(steps.map((step) => step.finishReason), ['tool-calls', 'stop']);
  });

  test('the loop, streamed', async () => {
    const stream = streamText({ ...loop, onError: ({ error }) => assert.fail(error) });
    const pieces = await all(stream.textStream);
    assert.equal(pieces.join(''), ANSWER);
    assert.ok(pieces.length > 2);
    assert.ok((await stream.totalUsage).totalTokens > 0);
  });

  test('thinking crosses back', { skip: chained }, async () => {
    const providerOptions = { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } };
    const first = await generateText({ model, prompt: 'Hello', providerOptions, maxRetries: 0 });
    assert.ok(first.reasoningText);
    const messages = [...user('Hello'), ...first.response.messages, ...user('Again')];
    assert.equal((await generateText({ model, messages, providerOptions, maxRetries: 0 })).text, 'Again');
  });

  test('structured output', async () => {
    const schema = z.object({ x: z.number(), tags: z.array(z.string()) });
    const { output } = await generateText({ model, prompt: 'A point', output: Output.object({ schema }), maxRetries: 0 });
    schema.parse(output);
  });
});
