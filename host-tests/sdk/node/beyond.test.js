// Embeddings and moderations.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { client } from './support.js';

const embed = (input, parameters = {}) =>
  client.embeddings.create({ model: 'text-embedding-3-small', input, ...parameters });

test('embeddings are unit vectors', async () => {
  const { data, usage } = await embed(['one', 'two words']);
  assert.deepEqual(data.map(({ index, embedding }) => [index, embedding.length]), [[0, 1536], [1, 1536]]);
  for (const { embedding } of data) assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
  assert.deepEqual([usage.prompt_tokens, usage.total_tokens], [3, 3]);
});

test('embeddings in both encoding formats', async () => {
  // By default the SDK requests base64 and decodes it.
  const [decoded, floats, raw] = await Promise.all(
    [{}, { encoding_format: 'float' }, { encoding_format: 'base64' }].map(async (parameters) =>
      (await embed('one', { dimensions: 8, ...parameters })).data[0].embedding));
  assert.deepEqual([decoded.length, floats.length, typeof raw], [8, 8, 'string']);
  decoded.forEach((value, i) => assert.ok(Math.abs(value - floats[i]) < 1e-7));
});

test('moderations', async () => {
  const { results: [first, second] } = await client.moderations.create({ input: ['This is violence.', 'A fine day.'] });
  assert.deepEqual([first.flagged, first.categories.violence], [true, true]);
  assert.deepEqual([second.flagged, second.categories.violence], [false, false]);
  const parts = [
    { type: 'text', text: 'Is this violence?' },
    { type: 'image_url', image_url: { url: 'https://example.com/cat.png' } },
  ];
  const { results, model } = await client.moderations.create({ model: 'omni-moderation-latest', input: parts });
  assert.deepEqual([results.length, results[0].flagged, model], [1, true, 'omni-moderation-latest']);
});
