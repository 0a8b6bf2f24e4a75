// Tools: called as `tool_choice` requires, streamed in pieces, and loops that end with a text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { zodFunction } from 'openai/helpers/zod';
import { z } from 'zod';
import { MODEL, all, client, tool, user } from './support.js';

const weather = tool('get_weather', {
  city: { type: 'string' },
  days: { type: 'integer', minimum: 1, maximum: 7 },
});
const time = tool('get_time', { zone: { type: 'string', enum: ['UTC', 'CET'] } });
const tools = [weather, time];
const both = 'get_weather and get_time, please';

const create = (text, parameters = {}) =>
  client.chat.completions.create({ model: MODEL, messages: user(text), tools, ...parameters });

/** Does what a tool is called for. */
function run({ function: { name, arguments: text } }) {
  const given = JSON.parse(text);
  if (name === 'get_weather') {
    assert.equal(typeof given.city, 'string');
    assert.ok(given.days >= 1 && given.days <= 7);
    return '18 degrees';
  }
  assert.ok(['UTC', 'CET'].includes(given.zone));
  return '12:00';
}

/** Calls tools until the answer is a text; gives it, and the names that were called in each turn. */
async function loop(text, parameters = {}) {
  const messages = user(text);
  const turns = [];
  while (turns.length < 5) {
    const { choices: [{ finish_reason, message }] } =
      await client.chat.completions.create({ model: MODEL, messages, tools, ...parameters });
    if (finish_reason === 'stop') return [message.content, turns];
    assert.equal(finish_reason, 'tool_calls');
    messages.push(message);
    for (const call of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: run(call) });
    }
    turns.push(message.tool_calls.map((call) => call.function.name));
  }
  assert.fail('the loop does not end');
}

test('auto calls what is named, and ends in text', async () => {
  const [text, turns] = await loop('Use get_weather for Paris.');
  assert.deepEqual(turns, [['get_weather']]);
  assert.match(text, /18 degrees/);
  assert.deepEqual(await loop('Good morning!'), ['Good morning!', []]);
});

test('several tools at once, and one at a time', async () => {
  const [text, turns] = await loop(both);
  assert.deepEqual(turns, [['get_weather', 'get_time']]);
  assert.match(text, /18 degrees/);
  assert.match(text, /12:00/);
  const single = await create(both, { parallel_tool_calls: false });
  assert.equal(single.choices[0].message.tool_calls.length, 1);
});

test('required, named and none', async () => {
  const [required] = (await create('Good morning!', { tool_choice: 'required' })).choices;
  assert.equal(required.finish_reason, 'tool_calls');
  run(required.message.tool_calls[0]);
  const name = { type: 'function', function: { name: 'get_time' } };
  const [named] = (await create('get_weather', { tool_choice: name })).choices;
  // The live API ends a forced call with `stop`.
  assert.deepEqual([named.finish_reason, named.message.tool_calls[0].function.name], ['stop', 'get_time']);
  const [none] = (await create('get_weather', { tool_choice: 'none' })).choices;
  assert.deepEqual([none.finish_reason, none.message.content], ['stop', 'get_weather']);
});

test('calls come in pieces', async () => {
  const whole = (await create(both)).choices[0].message.tool_calls;
  const calls = [];
  for (const { choices: [{ delta }] } of await all(create(both, { stream: true }))) {
    for (const piece of delta.tool_calls ?? []) {
      if (!calls[piece.index]) {
        // Only the first piece has the id, the type and the name.
        assert.match(piece.id, /^call_/);
        assert.deepEqual([piece.type, piece.function.arguments], ['function', '']);
        calls[piece.index] = { ...piece.function };
      } else {
        assert.deepEqual(Object.keys(piece).sort(), ['function', 'index']);
        calls[piece.index].arguments += piece.function.arguments;
      }
    }
  }
  assert.deepEqual(calls, whole.map((call) => call.function));
});

const given = z.object({ city: z.string(), days: z.number().int().min(1).max(7) });
const parsing = zodFunction({ name: 'get_weather', parameters: given });

test('arguments are parsed with Zod', async () => {
  const answer = await client.chat.completions.parse({ model: MODEL, messages: user('get_weather'), tools: [parsing] });
  const [call] = answer.choices[0].message.tool_calls;
  assert.deepEqual(given.parse(JSON.parse(call.function.arguments)), call.function.parsed_arguments);
});

test('truncated arguments are an error', async () => {
  const parameters = { model: MODEL, messages: user('get_weather'), tools: [parsing], max_tokens: 2 };
  await assert.rejects(client.chat.completions.parse(parameters), OpenAI.LengthFinishReasonError);
});

test('the stream helper collects calls', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user(both), tools: [parsing, time], n: 2 });
  const pieces = {};
  const done = [];
  stream.on('tool_calls.function.arguments.delta', ({ name, arguments_delta }) => {
    pieces[name] = (pieces[name] ?? 0) + (arguments_delta ? 1 : 0);
  });
  stream.on('tool_calls.function.arguments.done', (event) => done.push(event));
  const answer = await stream.finalChatCompletion();
  assert.ok(pieces.get_weather > 2 && pieces.get_time > 1, JSON.stringify(pieces));
  assert.deepEqual(done.map((event) => event.name).sort(), ['get_time', 'get_time', 'get_weather', 'get_weather']);
  for (const { finish_reason, message } of answer.choices) {
    assert.equal(finish_reason, 'tool_calls');
    given.parse(message.tool_calls[0].function.parsed_arguments);
    run(message.tool_calls[1]);
  }
});

for (const stream of [false, true]) {
  test(`runTools${stream ? ', streamed,' : ''} ends in text`, async () => {
    const calls = [];
    const runner = client.chat.completions.runTools({
      model: MODEL,
      stream,
      messages: user('Use get_weather for Paris.'),
      tools: [zodFunction({ name: 'get_weather', parameters: given, function: (g) => calls.push(g) && '18 degrees' })],
    });
    const results = [];
    runner.on('functionToolCallResult', (result) => results.push(result));
    assert.match(await runner.finalContent(), /18 degrees/);
    assert.deepEqual([calls.length, results], [1, ['18 degrees']]);
    given.parse(calls[0]);
    assert.deepEqual(runner.messages.map(({ role }) => role), ['user', 'assistant', 'tool', 'assistant']);
    const usage = await runner.totalUsage();
    assert.equal(usage.total_tokens > 0, !stream);
  });
}

test('custom tools', async () => {
  const format = { type: 'grammar', grammar: { syntax: 'regex', definition: '[a-z]{3}-[0-9]{2}' } };
  const custom = { tools: [{ type: 'custom', custom: { name: 'locate', format } }] };
  const [{ finish_reason, message }] = (await create('locate it', custom)).choices;
  assert.equal(finish_reason, 'tool_calls');
  const [call] = message.tool_calls;
  assert.deepEqual([call.type, call.custom.name], ['custom', 'locate']);
  assert.match(call.custom.input, /^[a-z]{3}-[0-9]{2}$/);
  const messages = [...user('locate it'), message, { role: 'tool', tool_call_id: call.id, content: 'found' }];
  const answer = await client.chat.completions.create({ model: MODEL, messages, ...custom });
  assert.match(answer.choices[0].message.content, /found/);
});

test('legacy functions', async () => {
  const { strict, ...legacy } = weather.function;
  const functions = { tools: undefined, functions: [legacy] };
  const [{ finish_reason, message }] = (await create('get_weather', functions)).choices;
  assert.equal(finish_reason, 'function_call');
  assert.deepEqual(Object.keys(JSON.parse(message.function_call.arguments)), ['city', 'days']);
  const stream = client.chat.completions.stream({ model: MODEL, messages: user('get_weather'), functions: [legacy] });
  assert.deepEqual((await stream.finalMessage()).function_call, message.function_call);
});
