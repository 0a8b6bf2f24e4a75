// The OpenAI Agents SDK over chat completions, with rules: tools, streams, a handoff and structured output.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Agent, OpenAIChatCompletionsModel, run, setTracingDisabled, tool } from '@openai/agents';
import { z } from 'zod';
import { MODEL, connect, ruled, unruled } from './support.js';

// Otherwise it sends traces of each run to OpenAI.
setTracingDisabled(true);

const ANSWER = 'It is 18 degrees in Paris.';

describe('the OpenAI Agents SDK', { skip: unruled }, () => {
  const model = ruled && new OpenAIChatCompletionsModel(connect({ baseURL: ruled }), MODEL);
  const cities = [];
  const getWeather = tool({
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => cities.push(city) && '18 degrees',
  });
  const forecaster = new Agent({ name: 'forecaster', model, tools: [getWeather] });

  test('the loop', async () => {
    cities.length = 0;
    const result = await run(forecaster, 'How is the weather?');
    assert.deepEqual([result.finalOutput, cities], [ANSWER, ['Paris']]);
  });

  test('the loop, streamed', async () => {
    cities.length = 0;
    const result = await run(forecaster, 'How is the weather?', { stream: true });
    const pieces = [];
    for await (const piece of result.toTextStream()) pieces.push(piece);
    await result.completed;
    assert.deepEqual([pieces.join(''), cities], [ANSWER, ['Paris']]);
    assert.ok(pieces.length > 2);
  });

  test('a handoff', async () => {
    const desk = new Agent({ name: 'desk', model, handoffs: [forecaster] });
    const result = await run(desk, 'Ask the one who knows.');
    assert.equal(result.lastAgent.name, 'forecaster');
  });

  test('structured output', async () => {
    const outputType = z.object({ x: z.number(), tags: z.array(z.string()) });
    const plotter = new Agent({ name: 'plotter', model, outputType });
    outputType.parse((await run(plotter, 'A point, please.')).finalOutput);
  });
});
