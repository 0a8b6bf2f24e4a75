// Answers of the four APIs: whole and streamed, with tools, thinking and formats.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APIS, open } from './support.js';

const TOOL = JSON.stringify([{
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}]);

for (const [api, model] of Object.entries(APIS)) {
  for (const stream of [true, false]) {
    test(`${api}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const page = await open();
      await page.choose(api);
      await page.model(model);
      await page.field('Stream the answer').setChecked(stream);
      await page.field('Max tokens').fill('100');
      await page.send('One, two.\nThree wörld 🌍!');
      const [asked, ...answers] = await page.messages();
      assert.deepEqual(asked, ['User', 'One, two.\nThree wörld 🌍!']);
      assert.deepEqual(answers, [['Assistant', 'One, two.\nThree wörld 🌍!']]);
      const facts = await page.facts();
      assert.deepEqual([facts.Status, await page.error.textContent()], ['200', '']);
      for (const name of ['Tokens in', 'Tokens out']) assert.ok(Number.parseInt(facts[name]) > 3, facts[name]);
      for (const name of ['First byte', 'Total']) assert.match(facts[name], /^\d+ ms$/);
      assert.match(facts.Finish, /^(stop|completed|end_turn)$/);
      const request = await page.request();
      assert.equal(request.model, model);
      assert.equal(request.stream, stream || undefined);
      const response = await page.text('response');
      assert.match(response, /^200\n[^]*x-request-id: /);
      assert.equal(response.includes('\ndata: {'), stream);
      // The second turn has the first one in it.
      await page.send('And then?');
      assert.deepEqual((await page.messages()).length, 4);
      const { messages, input, prompt } = await page.request();
      assert.equal((messages ?? input)?.length ?? prompt, api === 'Completions' ? `${asked[1].repeat(2)}And then?` : 3);
      await page.close();
    });
  }
}

for (const api of ['Chat Completions', 'Responses', 'Messages']) {
  for (const stream of [true, false]) {
    test(`a tool is called and its result sent, ${api}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const page = await open();
      await page.choose(api);
      await page.model(APIS[api]);
      await page.field('Stream the answer').setChecked(stream);
      await page.field('Tools').fill(TOOL);
      await page.send('What is the weather in Paris?');
      const [, [call, input], [result, empty], ...others] = await page.messages();
      assert.deepEqual([call, result, empty, others], ['Tool call: get_weather', 'Result of get_weather', '', []]);
      assert.equal(typeof JSON.parse(input).city, 'string');
      await page.field('Result of get_weather').last().fill('18 degrees');
      await page.page.getByRole('button', { name: 'Send' }).click();
      await page.ended();
      await page.history.getByText('Assistant').waitFor();
      assert.deepEqual((await page.messages()).at(-1), ['Assistant', 'get_weather returned: 18 degrees']);
      await page.close();
    });
  }
}

test('tools and formats are taken in the form of any API', async () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
  const tools = [
    { type: 'function', function: { name: 'f', parameters: schema } },
    { type: 'function', name: 'f', parameters: schema },
    { name: 'f', input_schema: schema },
  ];
  const formats = [
    schema,
    { type: 'json_schema', json_schema: { name: 'answer', schema } },
    { type: 'json_schema', name: 'answer', schema },
    { type: 'json_schema', schema },
  ];
  const page = await open();
  for (const [api, own] of Object.entries({ 'Chat Completions': 0, Responses: 1, Messages: 2 })) {
    await page.choose(api);
    for (const tool of tools) {
      await page.field('Tools').fill(JSON.stringify([tool]));
      assert.deepEqual((await page.request()).tools, [tools[own]]);
    }
    await page.field('Tools').fill('[{"type": "web_search"}]');
    assert.deepEqual((await page.request()).tools, [{ type: 'web_search' }]);
    await page.field('Tools').fill('');
    for (const format of formats) {
      await page.field('Response format').fill(JSON.stringify(format));
      const { response_format, text, output_config } = await page.request();
      assert.deepEqual(response_format ?? text?.format ?? output_config.format, formats[own + 1]);
    }
    await page.model(APIS[api]);
    await page.send('Where?');
    assert.equal(await page.error.textContent(), '');
    assert.equal(typeof JSON.parse((await page.messages()).at(-1)[1]).city, 'string');
    await page.page.getByRole('button', { name: 'New conversation' }).click();
    await page.field('Response format').fill('');
  }
  await page.field('Response format').fill('{"type": "json_object"}');
  await page.choose('Chat Completions');
  assert.deepEqual((await page.request()).response_format, { type: 'json_object' });
  await page.close();
});

for (const api of ['Chat Completions', 'Responses', 'Messages']) {
  for (const stream of [true, false]) {
    const model = { Responses: 'gpt-5.5', Messages: 'claude-opus-4-8' }[api] ?? (stream ? 'thinker-streamed' : 'thinker-whole');
    test(`thinking is shown as such, ${api}, ${stream ? 'streamed' : 'whole'}`, async () => {
      const page = await open();
      await page.choose(api);
      await page.model(model);
      await page.field('Stream the answer').setChecked(stream);
      await page.field('Reasoning effort').selectOption('low');
      await page.send('Think!');
      const [, [title, thinking], [answered, text]] = await page.messages();
      assert.deepEqual([title, answered], ['Thinking', 'Assistant']);
      assert.ok(thinking.length > 5 && text.length > 2);
      if (api !== 'Chat Completions') assert.match((await page.facts())['Tokens out'], /\(\d+ reasoning\)/);
      await page.close();
    });
  }
}

test('thinking goes back with a tool result, as the Messages API wants it', async () => {
  const page = await open();
  await page.choose('Messages');
  await page.model('claude-opus-4-8');
  await page.field('Reasoning effort').selectOption('low');
  await page.field('Tools').fill(TOOL);
  await page.send('What is the weather in Paris?');
  await page.field('Result of get_weather').last().fill('18 degrees');
  await page.page.getByRole('button', { name: 'Send' }).click();
  await page.ended();
  const [, { content }] = (await page.request()).messages;
  assert.deepEqual(content.map((block) => block.type), ['thinking', 'tool_use']);
  assert.ok(content[0].thinking && content[0].signature);
  assert.equal((await page.facts()).Status, '200');
  await page.close();
});

test('several choices are shown, and one goes on', async () => {
  const page = await open();
  await page.field('Choices (n)').fill('3');
  await page.field('Seed').fill('7');
  await page.send('one two three four');
  const titles = (await page.messages()).map(([title]) => title);
  assert.deepEqual(titles, ['User', 'Assistant', 'Assistant, choice 2 (not sent)', 'Assistant, choice 3 (not sent)']);
  await page.send('more');
  assert.equal((await page.request()).messages.length, 3);
  await page.close();
});

test('parameters are sent where the API has them', async () => {
  const page = await open();
  for (const [name, value] of [['Temperature', '0.5'], ['Max tokens', '50'], ['Seed', '7'], ['Choices (n)', '2']]) {
    await page.field(name).fill(value);
  }
  await page.field('Reasoning effort').selectOption('low');
  await page.field('System').fill('Be brief.');
  await page.field('Other parameters').fill('{"top_p": 0.9}');
  const shown = async (api) => {
    await page.choose(api);
    const { model, messages, input, prompt, ...rest } = await page.request();
    return rest;
  };
  const stream = { stream: true, stream_options: { include_usage: true } };
  const sampling = { temperature: 0.5, top_p: 0.9 };
  assert.deepEqual(await shown('Completions'), { ...sampling, ...stream, max_tokens: 50, n: 2, seed: 7 });
  assert.deepEqual(await shown('Messages'), {
    ...sampling, stream: true, max_tokens: 50, system: 'Be brief.', thinking: { type: 'adaptive' },
    output_config: { effort: 'low' },
  });
  assert.deepEqual(await shown('Responses'), {
    ...sampling, stream: true, max_output_tokens: 50, instructions: 'Be brief.', store: false,
    reasoning: { effort: 'low', summary: 'auto' },
  });
  assert.deepEqual(await shown('Chat Completions'), {
    ...sampling, ...stream, max_completion_tokens: 50, n: 2, seed: 7, reasoning_effort: 'low',
  });
  assert.deepEqual((await page.request()).messages[0], { role: 'system', content: 'Be brief.' });
  await page.close();
});

test('the cost is shown where the gateway reports one', async () => {
  const page = await open();
  await page.page.route('**/v1/chat/completions', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), 'x-portcullis-cost-usd': '0.000125' } });
  });
  await page.send('Hello!');
  assert.equal((await page.facts()).Cost, '$0.000125');
  await page.close();
});

test('text appears as it arrives, is announced by sentences, and can be stopped', async () => {
  const page = await open();
  await page.model('slow');
  await page.field('Message').fill('Hello!');
  await page.page.getByRole('button', { name: 'Send' }).click();
  const answer = page.history.getByLabel('Assistant').last();
  const spoken = page.page.getByRole('log');
  await spoken.getByText('.').first().waitFor({ state: 'attached' });
  const early = await answer.inputValue();
  assert.ok(early.length > 5, early);
  assert.match(await spoken.locator('p').first().textContent(), /[.!?\n]$/);
  const stop = page.page.getByRole('button', { name: 'Stop' });
  await stop.click();
  await page.ended();
  const { Status, Finish } = await page.facts();
  assert.deepEqual([Status, Finish, await page.error.textContent()], ['200', undefined, 'Stopped.']);
  const kept = await answer.inputValue();
  assert.ok(kept.startsWith(early) && await stop.isHidden());
  // What has arrived is a part of the conversation.
  await page.field('Message').fill('And?');
  assert.equal((await page.request()).messages[1].content, kept);
  await page.close();
});

test('a long answer arrives whole', async () => {
  const page = await open();
  await page.field('Other parameters').fill('{"stream_options": {"include_usage": true, "include_obfuscation": false}}');
  const text = 'A sentence of seven words stands here. '.repeat(1200).trim();
  await page.send(text);
  assert.equal((await page.messages()).at(-1)[1], text);
  await page.close();
});
