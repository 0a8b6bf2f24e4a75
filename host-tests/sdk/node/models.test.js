// The models: listed and retrieved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { MODEL, all, client } from './support.js';

test('models are listed', async () => {
  const models = await all(client.models.list());
  assert.ok(models.some((model) => model.id === MODEL));
  for (const model of models) {
    assert.equal(model.object, 'model');
    assert.equal(typeof model.created, 'number');
    assert.ok(model.owned_by);
  }
});

test('a model is retrieved', async () => {
  const listed = (await all(client.models.list())).find((model) => model.id === MODEL);
  const { id, object, created, owned_by } = await client.models.retrieve(MODEL);
  assert.deepEqual({ id, object, created, owned_by }, listed);
});

test('an unknown model is not found', async () => {
  await assert.rejects(client.models.retrieve('gpt-0'), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.code, error.param], ['model_not_found', 'model']);
    return true;
  });
});
