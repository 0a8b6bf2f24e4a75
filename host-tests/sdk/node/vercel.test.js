// The Vercel AI SDK's agent loop with rules: it calls the tool, sends the result, and ends with a text.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { Output, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { MODEL, ruled, unruled } from './support.js';

const connect = (baseURL) =>
  createOpenAICompatible({
    name: 'portcullis', baseURL, apiKey: process.env.OPENAI_API_KEY, includeUsage: true, supportsStructuredOutputs: true,
  });

describe('the Vercel AI SDK', { skip: unruled }, () => {
  const model = ruled && connect(ruled)(MODEL);
  const cities = [];
  const loop = {
    model,
    prompt: 'How is the weather?',
    tools: {
      get_weather: tool({
        description: 'The weather of a city.',
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => cities.push(city) && '18 degrees',
      }),
    },
    stopWhen: stepCountIs(5),
    maxRetries: 0,
  };

  test('the loop', async () => {
    cities.length = 0;
    const { text, steps, finishReason, totalUsage } = await generateText(loop);
    assert.deepEqual([text, cities], ['It is 18 degrees in Paris.', ['Paris']]);
    assert.deepEqual(steps.map((step) => step.finishReason), ['tool-calls', 'stop']);
    assert.equal(finishReason, 'stop');
    assert.ok(totalUsage.inputTokens > 0 && totalUsage.outputTokens > 0);
  });

  test('the loop, streamed', async () => {
    cities.length = 0;
    const stream = streamText({ ...loop, onError: ({ error }) => assert.fail(error) });
    const pieces = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    assert.deepEqual([pieces.join(''), cities], ['It is 18 degrees in Paris.', ['Paris']]);
    assert.ok(pieces.length > 2);
    assert.equal((await stream.steps).length, 2);
    assert.ok((await stream.totalUsage).totalTokens > 0);
  });

  test('structured output', async () => {
    const schema = z.object({ x: z.number(), tags: z.array(z.string()) });
    const { output } = await generateText({ model, prompt: 'A point', output: Output.object({ schema }), maxRetries: 0 });
    schema.parse(output);
  });

  test('an error', async () => {
    const call = generateText({ model, prompt: 'overload', maxRetries: 0 });
    await assert.rejects(call, { name: 'AI_APICallError', statusCode: 429, message: 'Rate limit reached.' });
  });

  test('embeddings', async () => {
    const embedding = connect(process.env.OPENAI_BASE_URL).embeddingModel('text-embedding-3-small');
    const { embeddings, usage } = await embedMany({ model: embedding, values: ['one', 'two'] });
    assert.deepEqual([embeddings.map((vector) => vector.length), usage.tokens], [[1536, 1536], 2]);
  });
});
