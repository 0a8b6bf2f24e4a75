// Chat completions: plain, streamed, and the effect of their parameters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { MODEL, all, client, user, well } from './support.js';

const create = (parameters = {}, text = 'one two three') =>
  client.chat.completions.create({ model: MODEL, messages: user(text), ...parameters });

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

test('a plain response', async () => {
  const answer = await create({}, 'Hello, wörld 🌍!');
  assert.deepEqual([answer.object, answer.model], ['chat.completion', MODEL]);
  assert.match(answer.id, /^chatcmpl-/);
  const [choice, ...others] = answer.choices;
  assert.deepEqual([choice.index, choice.finish_reason, others], [0, 'stop', []]);
  assert.deepEqual([choice.message.role, choice.message.content], ['assistant', 'Hello, wörld 🌍!']);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.ok(prompt_tokens > 0 && completion_tokens > 0);
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('the last user message counts', async () => {
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    ...user('first'),
    { role: 'assistant', content: 'first' },
    { role: 'user', content: [{ type: 'text', text: 'sec' }, { type: 'text', text: 'ond' }] },
  ];
  const answer = await client.chat.completions.create({ model: MODEL, messages });
  assert.equal(answer.choices[0].message.content, 'second');
});

test('a streamed response', async () => {
  const chunks = await all(create({ stream: true }));
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
  const { role, content } = chunks[0].choices[0].delta;
  assert.deepEqual([role, content], ['assistant', '']);
  assert.equal(textOf(chunks), 'one two three');
  assert.ok(chunks.length > 3);
  const reasons = chunks.map((chunk) => chunk.choices[0].finish_reason);
  assert.equal(reasons.pop(), 'stop');
  assert.deepEqual(new Set(reasons), new Set([null]));
});

test('a streamed response with usage', async () => {
  const chunks = await all(create({ stream: true, stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.deepEqual(last.usage, (await create()).usage);
  assert.ok(chunks.every((chunk) => chunk.usage === null));
});

test('the stream helper', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user('one two three') });
  let text = '';
  stream.on('content', (delta) => (text += delta));
  const answer = await stream.finalChatCompletion();
  assert.equal(text, 'one two three');
  assert.equal(answer.choices[0].message.content, 'one two three');
});

test('a stream converted to a web stream', async () => {
  const lines = await new Response((await create({ stream: true })).toReadableStream()).text();
  const chunks = lines.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(textOf(chunks), 'one two three');
});

test('n choices', async () => {
  const { choices } = await create({ n: 3, temperature: 0 });
  assert.deepEqual(choices.map((choice) => choice.index), [0, 1, 2]);
  assert.deepEqual(choices.map((choice) => choice.message.content), Array(3).fill('one two three'));
});

test('n choices, streamed', async () => {
  const texts = ['', ''];
  const ended = new Set();
  for (const { choices: [choice] } of await all(create({ n: 2, temperature: 0, stream: true }))) {
    texts[choice.index] += choice.delta.content ?? '';
    if (choice.finish_reason) ended.add(choice.index);
  }
  assert.deepEqual([texts, ended], [Array(2).fill('one two three'), new Set([0, 1])]);
});

for (const stop of ['three', ['nowhere', 'three']]) {
  test(`stop at ${JSON.stringify(stop)}`, async () => {
    const [choice] = (await create({ stop })).choices;
    assert.deepEqual([choice.message.content, choice.finish_reason], ['one two ', 'stop']);
    const chunks = await all(create({ stop, stream: true }));
    assert.deepEqual([textOf(chunks), chunks.at(-1).choices[0].finish_reason], ['one two ', 'stop']);
  });
}

for (const limit of ['max_tokens', 'max_completion_tokens']) {
  test(`${limit} is the length`, async () => {
    const { choices: [choice], usage } = await create({ [limit]: 2 });
    assert.deepEqual([choice.message.content, choice.finish_reason], ['one two', 'length']);
    assert.equal(usage.completion_tokens, 2);
  });
}

test('a stream left early', async () => {
  for await (const chunk of await create({ stream: true }, 'word '.repeat(20_000))) {
    assert.equal(chunk.choices[0].delta.role, 'assistant');
    break;
  }
  await well();
});

test('a stream aborted', async () => {
  const stream = await create({ stream: true }, 'word '.repeat(20_000));
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 3) stream.controller.abort();
  assert.ok(chunks >= 3);
  await well();
});

test('a stream helper aborted', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user('word '.repeat(20_000)) });
  stream.once('content', () => stream.abort());
  await assert.rejects(stream.finalChatCompletion(), OpenAI.APIUserAbortError);
  await well();
});

test('a call aborted', async () => {
  const controller = new AbortController();
  const call = client.chat.completions.create({ model: MODEL, messages: user('hi') }, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { name: 'Error', message: 'Request was aborted.' });
  await well();
});

test('obfuscation', async () => {
  const padded = await all(create({ stream: true, stream_options: { include_obfuscation: true } }));
  assert.ok(padded.every((chunk) => chunk.obfuscation));
  assert.ok((await all(create({ stream: true }))).every((chunk) => !('obfuscation' in chunk)));
});

test('many at once', async () => {
  const texts = Array.from({ length: 20 }, (_, i) => `number ${i}`);
  const answers = await Promise.all(texts.map((text) => create({}, text)));
  assert.deepEqual(answers.map((answer) => answer.choices[0].message.content), texts);
  assert.equal(new Set(answers.map((answer) => answer.id)).size, 20);
});
