// Log probabilities: of both endpoints, plain and streamed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODEL, TEXT_MODEL, all, client, user } from './support.js';

const TEXT = 'Hello, wörld 🌍 for the 3rd time!';

const chat = (parameters) =>
  client.chat.completions.create({ model: MODEL, messages: user(TEXT), logprobs: true, ...parameters });

/** Asserts what holds of the entries of an answer that is `TEXT`. */
function check(entries, alternatives) {
  assert.equal(Buffer.from(entries.flatMap(({ bytes }) => bytes)).toString(), TEXT);
  for (const { logprob, top_logprobs } of entries) {
    assert.ok(logprob <= 0);
    assert.equal(top_logprobs.length, alternatives);
    const values = top_logprobs.map((other) => other.logprob);
    assert.deepEqual(values, [...values].sort((a, b) => b - a));
    assert.ok(values.reduce((sum, value) => sum + Math.exp(value), 0) <= 1 + 1e-6);
  }
}

test('of a chat', async () => {
  for (const top_logprobs of [0, 1, 20]) {
    const { choices: [choice], usage } = await chat({ top_logprobs });
    check(choice.logprobs.content, top_logprobs);
    assert.equal(choice.logprobs.content.length, usage.completion_tokens);
  }
});

test('of a streamed chat, of several choices', async () => {
  const whole = (await chat({ n: 2, temperature: 0, top_logprobs: 2 })).choices;
  const streamed = [[], []];
  for (const { choices } of await all(chat({ n: 2, temperature: 0, top_logprobs: 2, stream: true }))) {
    for (const { index, logprobs } of choices) streamed[index].push(...(logprobs?.content ?? []));
  }
  assert.deepEqual(streamed, whole.map((choice) => choice.logprobs.content));
});

test('in the stream helper', async () => {
  const stream = client.chat.completions.stream({ model: MODEL, messages: user(TEXT), logprobs: true });
  const streamed = [];
  stream.on('logprobs.content.delta', ({ content }) => streamed.push(...content));
  const { choices: [{ logprobs }] } = await stream.finalChatCompletion();
  check(logprobs.content, 0);
  assert.deepEqual(streamed, logprobs.content);
});

test('of a text completion, plain and streamed', async () => {
  const complete = (more) =>
    client.completions.create({ model: TEXT_MODEL, prompt: 'one two three', logprobs: 2, ...more });
  const [{ text, logprobs: whole }] = (await complete()).choices;
  assert.equal(whole.tokens.join(''), text);
  assert.deepEqual(whole.text_offset, [13, 16, 20]);
  whole.tokens.forEach((token, i) => assert.equal(whole.top_logprobs[i][token], whole.token_logprobs[i]));
  const streamed = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for (const { choices: [{ logprobs }] } of await all(complete({ stream: true }))) {
    for (const list of Object.keys(logprobs ? streamed : {})) streamed[list].push(...logprobs[list]);
  }
  assert.deepEqual(streamed, { ...whole });
});
