// The official SDK on the Responses API, and the agents on top of it: whole and streamed, tools, structured output, errors.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import { Agent, OpenAIResponsesModel, run, setTracingDisabled, tool as agentTool } from '@openai/agents';
import { Output, generateText, stepCountIs, streamText, tool as sdkTool } from 'ai';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { MODEL, all, chained, client, connect, ruled, unruled } from './support.js';

// It would send each run to its makers' service.
setTracingDisabled(true);

const Point = z.object({ x: z.number(), tags: z.array(z.string()) });
const QUESTION = 'How is the weather?';
const ANSWER = 'It is 18 degrees in Paris.';

describe('responses', () => {
  test('create', async () => {
    const response = await client.responses.create({ model: MODEL, input: 'Hello there' });
    assert.deepEqual([response.status, response.output_text], ['completed', 'Hello there']);
    assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
  });

  test('a conversation', async () => {
    const first = await client.responses.create({ model: MODEL, input: 'One', store: false });
    const input = [{ role: 'user', content: 'One' }, ...first.output, { role: 'user', content: 'Two' }];
    assert.equal((await client.responses.create({ model: MODEL, input })).output_text, 'Two');
  });

  test('a stream of events', async () => {
    const events = await all(client.responses.create({ model: MODEL, input: 'Hello there, all of you', stream: true }));
    assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, i) => i));
    const deltas = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
    assert.equal(deltas.join(''), 'Hello there, all of you');
    assert.ok(deltas.length > 2);
  });

  test('a stream that accumulates', async () => {
    const stream = client.responses.stream({ model: MODEL, input: 'Hello there' });
    let last;
    stream.on('response.output_text.delta', (event) => (last = event.snapshot));
    assert.equal((await stream.finalResponse()).output_text, 'Hello there');
    assert.equal(last, 'Hello there');
  });

  test('structured output', async () => {
    const text = { format: zodTextFormat(Point, 'point') };
    const response = await client.responses.parse({ model: MODEL, input: 'A point', text });
    Point.parse(response.output_parsed);
  });

  test('the raw response', async () => {
    const { data, response, request_id } = await client.responses.create({ model: MODEL, input: 'Hello' }).withResponse();
    assert.equal(data.output_text, 'Hello');
    assert.equal(response.headers.get('openai-version'), '2020-10-01');
    assert.ok(request_id);
  });

  test('input tokens', async () => {
    const { input_tokens } = await client.responses.inputTokens.count({ model: MODEL, input: 'Hello' });
    assert.equal((await client.responses.create({ model: MODEL, input: 'Hello' })).usage.input_tokens, input_tokens);
  });

  test('errors', { skip: chained }, async () => {
    const create = (more) => client.responses.create({ model: MODEL, input: 'Hello', ...more });
    await assert.rejects(create({ model: 'gpt-none' }), OpenAI.BadRequestError);
    await assert.rejects(create({ temperature: 3 }), { status: 400, param: 'temperature', code: 'decimal_above_max_value' });
    await assert.rejects(create({ previous_response_id: 'resp_1' }), { code: 'previous_response_not_found' });
    await assert.rejects(client.responses.retrieve('resp_1'), OpenAI.NotFoundError);
    await assert.rejects(connect({ apiKey: 'sk-wrong' }).responses.create({ model: MODEL, input: 'a' }), OpenAI.AuthenticationError);
  });
});

describe('agents in their default mode', { skip: unruled }, () => {
  const model = ruled && new OpenAIResponsesModel(connect({ baseURL: ruled }), MODEL);
  const cities = [];
  const execute = async ({ city }) => cities.push(city) && '18 degrees';
  const parameters = z.object({ city: z.string() });
  const description = 'The weather of a city.';
  const getWeather = agentTool({ name: 'get_weather', description, parameters, execute });
  const forecaster = new Agent({ name: 'forecaster', model, tools: [getWeather] });

  test('the loop', async () => {
    cities.length = 0;
    assert.equal((await run(forecaster, QUESTION)).finalOutput, ANSWER);
    assert.deepEqual(cities, ['Paris']);
  });

  test('the loop, streamed', async () => {
    const result = await run(forecaster, QUESTION, { stream: true });
    const pieces = await all(result.toTextStream());
    await result.completed;
    assert.equal(pieces.join(''), ANSWER);
    assert.ok(pieces.length > 2);
  });

  test('a handoff', async () => {
    const desk = new Agent({ name: 'desk', model, handoffs: [forecaster] });
    assert.equal((await run(desk, 'Ask the one who knows.')).lastAgent.name, 'forecaster');
  });

  test('structured output', async () => {
    const plotter = new Agent({ name: 'plotter', model, outputType: Point });
    Point.parse((await run(plotter, 'A point, please.')).finalOutput);
  });
});

describe("the Vercel AI SDK's OpenAI provider", { skip: unruled }, () => {
  const model = ruled && createOpenAI({ baseURL: ruled, apiKey: process.env.OPENAI_API_KEY })(MODEL);
  const cities = [];
  const tools = {
    get_weather: sdkTool({
      description: 'The weather of a city.',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => cities.push(city) && '18 degrees',
    }),
  };
  const loop = { model, prompt: QUESTION, tools, stopWhen: stepCountIs(5), maxRetries: 0 };
  // It refers to stored items otherwise.
  const stateless = { ...loop, providerOptions: { openai: { store: false } } };

  test('it speaks Responses', () => assert.equal(model.provider, 'openai.responses'));

  test('the loop', async () => {
    cities.length = 0;
    const { text, steps, totalUsage } = await generateText(stateless);
    assert.deepEqual([text, cities], [ANSWER, ['Paris']]);
    assert.deepEqual(steps.map((step) => step.finishReason), ['tool-calls', 'stop']);
    assert.ok(totalUsage.inputTokens > 0 && totalUsage.outputTokens > 0);
  });

  test('the loop, streamed', async () => {
    const stream = streamText({ ...stateless, onError: ({ error }) => assert.fail(error) });
    const pieces = await all(stream.textStream);
    assert.equal(pieces.join(''), ANSWER);
    assert.ok(pieces.length > 2);
    assert.equal((await stream.steps).length, 2);
  });

  test('structured output', async () => {
    const { output } = await generateText({ model, prompt: 'A point', output: Output.object({ schema: Point }), maxRetries: 0 });
    Point.parse(output);
  });

  test('an error', async () => {
    const call = generateText({ model, prompt: 'overload', maxRetries: 0 });
    await assert.rejects(call, { name: 'AI_APICallError', statusCode: 429, message: 'Rate limit reached.' });
  });

  test('the loop, whose second step refers to what is not stored', async () => {
    const { text } = await generateText(loop);
    assert.equal(text, ANSWER);
  });
});
