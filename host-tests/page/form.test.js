// The form: errors and where they are marked, the conversation, the key, the keyboard.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { key, open, url } from './support.js';

for (const [api, fields, message, want] of [
  ['Chat Completions', { Temperature: '5' }, 'Hi', 'Temperature'],
  ['Chat Completions', { 'Max tokens': '-1' }, 'Hi', 'Max tokens'],
  ['Chat Completions', { 'Choices (n)': '0' }, 'Hi', 'Choices (n)'],
  ['Chat Completions', { Tools: '[{"type": "function", "function": {"name": "a b"}}]' }, 'Hi', 'Tools (JSON array, in any API’s form)'],
  ['Chat Completions', { 'Other parameters': '{"top_p": 7}' }, 'Hi', 'Other parameters (JSON object)'],
  ['Chat Completions', { 'Other parameters': '{"made_up": 1}' }, 'Hi', 'Other parameters (JSON object)'],
  ['Responses', { 'Max tokens': '1' }, 'Hi', 'Max tokens'],
  ['Responses', { 'Response format': '{"type": "json_schema", "name": "a b", "schema": {}}' }, 'Hi', 'Response format (JSON, or a schema)'],
  ['Messages', { Temperature: '5' }, 'Hi', 'Temperature'],
  ['Messages', { 'Max tokens': '0' }, 'Hi', 'Max tokens'],
  ['Completions', { Temperature: '-1' }, 'Hi', 'Temperature'],
]) {
  test(`an error marks its parameter: ${api}, ${Object.entries(fields)}`, async () => {
    const page = await open();
    await page.choose(api);
    for (const [name, value] of Object.entries(fields)) await page.field(name).fill(value);
    await page.send(message);
    assert.deepEqual(await page.marked(), [want]);
    assert.equal((await page.facts()).Status, '400');
    assert.ok((await page.error.textContent()).length > 10);
    const marked = page.page.locator('[aria-invalid=true]');
    assert.ok(await marked.evaluate((field) => field === document.activeElement), 'the marked field has the focus');
    assert.equal(await marked.getAttribute('aria-describedby'), 'error');
    // Once it is corrected the mark goes, and the message is sent again without being written again.
    await marked.fill('');
    assert.deepEqual([await page.marked(), await page.error.textContent()], [[], '']);
    await page.page.keyboard.press('Control+Enter');
    await page.history.getByText('Assistant').waitFor();
    assert.deepEqual((await page.messages()).map(([title]) => title), ['User', 'Assistant']);
    await page.close();
  });
}

test('an error marks the message it is about', async () => {
  const page = await open();
  await page.field('Tools').fill('[{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}]');
  await page.send('The weather?');
  await page.history.getByRole('button', { name: 'Remove: Assistant' }).click();
  await page.page.getByRole('button', { name: 'Send' }).click();
  await page.ended();
  assert.deepEqual(await page.marked(), ['Result of get_weather']);
  await page.close();
});

test('what is not JSON is marked before anything is sent', async () => {
  const page = await open();
  let sent = 0;
  page.page.on('request', (request) => (sent += Number(request.method() === 'POST')));
  for (const [name, text] of [['Tools', '[{]'], ['Response format', '{'], ['Other parameters', 'top_p=1']]) {
    await page.field(name).fill(text);
    await page.field('Message').fill('Hi');
    await page.page.keyboard.press('Control+Enter');
    assert.match(await page.error.textContent(), /not JSON/);
    assert.match((await page.marked())[0], new RegExp(`^${name}`));
    assert.equal(await page.field('Message').inputValue(), 'Hi');
    await page.field(name).fill('');
  }
  assert.equal(sent, 0);
  await page.close();
});

test('a wrong model and a wrong key are marked', async () => {
  const page = await open();
  await page.model('gpt-3.5-turbo-instruct');
  await page.send('Hi');
  assert.deepEqual(await page.marked(), ['Model']);
  await page.model('Other…');
  await page.field('Name of the model').fill('no-such-model');
  await page.page.getByRole('button', { name: 'Send' }).click();
  await page.page.getByLabel('Name of the model').and(page.page.locator('[aria-invalid=true]')).waitFor();
  assert.deepEqual(await page.marked(), ['Name of the model']);
  await page.field('API key').fill('sk-wrong');
  await page.page.getByRole('button', { name: 'Send' }).click();
  await page.page.locator('#facts', { hasText: '401' }).waitFor();
  assert.deepEqual(await page.marked(), ['API key']);
  await page.close();
});

test('without a key the page says what it needs', async () => {
  const page = await open({ key: '' });
  await page.page.getByRole('status').getByText('Enter a key').waitFor();
  await page.field('API key').fill('sk-wrong');
  await page.field('API key').blur();
  await page.page.getByRole('status').getByText('Incorrect API key').waitFor();
  await page.close();
});

test('a broken stream and an answer that is not JSON are reported', async () => {
  const page = await open();
  await page.send('break off here, please, after some words');
  assert.match(await page.error.textContent(), /No whole answer/);
  assert.ok((await page.messages()).at(-1)[1].length > 0);
  await page.page.route('**/v1/chat/completions', (route) => route.fulfill({ status: 502, body: '<h1>Bad Gateway</h1>' }));
  await page.send('Hi');
  assert.match(await page.error.textContent(), /not JSON/);
  assert.match(await page.text('response'), /<h1>Bad Gateway<\/h1>/);
  await page.close();
});

test('messages are edited and removed', async () => {
  const page = await open();
  await page.send('one');
  await page.send('two');
  await page.history.getByRole('textbox', { name: 'Assistant' }).first().fill('edited');
  await page.history.getByRole('button', { name: 'Remove: User' }).nth(1).click();
  await page.history.getByRole('button', { name: 'Remove: Assistant' }).nth(1).click();
  assert.deepEqual((await page.request()).messages, [
    { role: 'user', content: 'one' }, { role: 'assistant', content: 'edited' },
  ]);
  await page.page.getByRole('button', { name: 'New conversation' }).click();
  assert.deepEqual(await page.messages(), []);
  await page.page.getByRole('button', { name: 'Send' }).click();
  assert.equal(await page.error.textContent(), 'Write a message.');
  await page.close();
});

test('a model can write no HTML', async () => {
  const page = await open();
  const attack = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>bold</b>';
  for (const stream of [true, false]) {
    await page.field('Stream the answer').setChecked(stream);
    await page.send(attack);
    assert.equal((await page.messages()).at(-1)[1], attack);
  }
  const counts = await page.page.evaluate(() => ['img', 'b', 'script'].map((tag) => document.querySelectorAll(tag).length));
  assert.deepEqual([counts, await page.page.title()], [[0, 0, 1], 'Portcullis']);
  await page.close();
});

test('the policy stops what is injected and what goes to other origins', async () => {
  const page = await open({ isWatched: false });
  const stopped = await page.page.evaluate(async () => {
    const violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    try {
      script.textContent = 'document.title = "injected"';
    } catch {
      violations.push('trusted types');
    }
    document.head.append(script);
    document.body.setAttribute('style', 'color: red');
    document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.2/x.png' }));
    await fetch('http://127.0.0.2/').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    return violations;
  }).catch((error) => error.message);
  for (const want of ['trusted types', 'style-src-attr', 'img-src', 'connect-src']) {
    assert.ok(stopped.includes(want), `${want} is not in ${stopped}`);
  }
  assert.equal(await page.page.title(), 'Portcullis');
  await page.close();
});

test('the key is in the session storage of the tab and nowhere else', async () => {
  const page = await open();
  await page.send('Hello!');
  const places = await page.page.evaluate(async () => ({
    session: { ...sessionStorage },
    local: { ...localStorage },
    cookies: document.cookie,
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    address: location.href,
    text: document.documentElement.outerHTML,
  }));
  assert.deepEqual(places.session, { apiKey: key });
  assert.deepEqual([places.local, places.cookies, places.databases, places.caches], [{}, '', [], []]);
  assert.ok(!places.address.includes(key) && !places.text.includes(key));
  for (const language of ['curl', 'Python', 'Node']) {
    await page.page.getByText(language, { exact: true }).click();
    assert.ok(!(await page.text('code')).includes(key));
  }
  // It outlives a reload, and another tab does not have it.
  await page.page.reload();
  assert.equal(await page.field('API key').inputValue(), key);
  const other = await page.page.context().newPage();
  await other.goto(url);
  assert.equal(await other.getByLabel('API key').inputValue(), '');
  await page.close();
});

test('the keyboard is enough', async () => {
  const page = await open({ key: '' });
  const { keyboard } = page.page;
  const focused = () => page.page.evaluate(() => {
    const field = document.activeElement;
    const parts = [...field.labels?.[0]?.childNodes ?? []].filter((part) => part.nodeType === 3 || part.localName === 'span');
    return parts.map((part) => part.textContent).join('').trim() || field.ariaLabel || field.textContent;
  });
  await keyboard.press('Tab');
  assert.equal(await focused(), 'Chat Completions');
  await keyboard.press('ArrowRight');
  assert.equal(await focused(), 'Responses');
  await keyboard.press('Tab');
  assert.equal(await focused(), 'API key');
  await keyboard.type(key);
  await keyboard.press('Tab');
  await page.page.locator('#model option').nth(1).waitFor({ state: 'attached' });
  assert.match(await focused(), /^Model/);
  await keyboard.press('Tab');
  // The name of another model had its place while none was listed.
  if (await focused() === 'Name of the model') await keyboard.press('Tab');
  assert.equal(await focused(), 'System');
  await keyboard.press('Tab');
  assert.equal(await focused(), 'Message');
  await keyboard.press('Control+A');
  await keyboard.type('Typed by hand.');
  await keyboard.press('Control+Enter');
  await page.ended();
  assert.deepEqual((await page.messages()).at(-1), ['Assistant', 'Typed by hand.']);
  assert.equal(await focused(), 'Message', 'the focus stays');
  for (const want of ['Send', 'New conversation', 'Stream the answer', 'Temperature', 'Max tokens']) {
    await keyboard.press('Tab');
    assert.equal(await focused(), want);
  }
  // Every stop is named, and the last one is followed by the first.
  const names = [];
  for (let i = 0; i < 14; i++) {
    await keyboard.press('Tab');
    names.push(await focused());
  }
  assert.ok(names.includes('Tools (JSON array, in any API’s form)') && names.includes('Copy') && names.every(Boolean), `${names}`);
  await page.close();
});

test('Escape stops an answer', async () => {
  const page = await open();
  await page.model('slow');
  await page.field('Message').fill('Hello!');
  await page.page.keyboard.press('Control+Enter');
  await page.history.getByText('Assistant').waitFor();
  await page.page.keyboard.press('Escape');
  await page.ended();
  assert.equal(await page.error.textContent(), 'Stopped.');
  await page.close();
});
