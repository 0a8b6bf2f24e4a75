// How the page looks: on a phone, in the dark, at another place.

import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { APIS, open, url } from './support.js';

const TOOL = '[{"name": "get_weather", "description": "The weather of a city.", "parameters": {"type": "object", '
  + '"properties": {"city": {"type": "string"}}, "required": ["city"]}}]';

/** Pictures for people: SCREENSHOTS is where they go. */
async function picture(page, name, options) {
  if (!process.env.SCREENSHOTS) return;
  await mkdir(process.env.SCREENSHOTS, { recursive: true });
  await page.page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true, ...options });
}

/** Texts whose contrast to what is behind them is below 4.5 (WCAG 2.2, success criterion 1.4.3). */
const faint = (page) => page.page.evaluate(() => {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  const check = (element, style, name) => {
    const [one, other] = [light(numbers(style.color)), light(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) found.push(`${name}: ${contrast.toFixed(2)}`);
  };
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility()) continue;
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (hasText || 'value' in element) check(element, getComputedStyle(element), `${element.localName} ${element.textContent.slice(0, 20)}`);
    if (element.placeholder) check(element, getComputedStyle(element, '::placeholder'), `placeholder ${element.placeholder}`);
  }
  return found;
});

for (const colorScheme of ['light', 'dark']) {
  test(`a conversation in a ${colorScheme} scheme`, async () => {
    const page = await open({ colorScheme });
    const background = await page.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = background.match(/\d+/g).map(Number);
    assert.equal(red > 128, colorScheme === 'light', background);
    await picture(page, `${colorScheme}-empty`);
    await page.field('Tools').fill(TOOL);
    await page.send('What is the weather in Paris?');
    await page.field('Result of get_weather').last().fill('18 degrees and sunny');
    await page.page.getByRole('button', { name: 'Send' }).click();
    await page.ended();
    await page.history.getByText('Assistant').waitFor();
    await picture(page, `${colorScheme}-tools`);
    await page.field('Temperature').fill('5');
    await page.send('And tomorrow?');
    assert.deepEqual(await faint(page), []);
    await picture(page, `${colorScheme}-error`);
    await page.choose('Messages');
    await page.page.getByRole('button', { name: 'New conversation' }).click();
    await page.field('Temperature').fill('');
    await page.field('Tools').fill('');
    await page.model('claude-opus-4-8');
    await page.field('Reasoning effort').selectOption('low');
    await page.field('System').fill('You are a careful writer.');
    await page.send('Explain in two sentences what a portcullis is.');
    assert.deepEqual(await faint(page), []);
    await picture(page, `${colorScheme}-thinking`);
    await page.close();
  });
}

test('a phone of 360 pixels needs no scrolling to the side', async () => {
  const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  const width = () => page.page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await width(), 360);
  for (const api of Object.keys(APIS)) {
    await page.choose(api);
    assert.equal(await width(), 360, api);
  }
  await page.choose('Chat Completions');
  await page.field('Tools').fill(TOOL);
  await page.field('Choices (n)').fill('2');
  await page.send(`The weather in ${'Llanfairpwllgwyngyll'.repeat(8)}?`);
  assert.equal(await width(), 360);
  const small = await page.page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea')]
    .filter((field) => field.checkVisibility() && field.type !== 'radio' && field.type !== 'checkbox')
    .filter((field) => field.getBoundingClientRect().height < 24).map((field) => field.outerHTML));
  assert.deepEqual(small, [], 'what is touched is at least 24 pixels high (WCAG 2.2, success criterion 2.5.8)');
  await picture(page, 'phone');
  await page.close();
});

test('every width in between fits', async () => {
  const page = await open();
  await page.send('Hello!');
  for (const width of [320, 480, 768, 896, 897, 1024, 1920]) {
    await page.page.setViewportSize({ width, height: 800 });
    assert.equal(await page.page.evaluate(() => document.documentElement.scrollWidth), width);
  }
  await page.close();
});

test('the page works below a path of another server', async () => {
  const proxy = http.createServer((request, response) => {
    if (!request.url.startsWith('/llm/')) return response.writeHead(404).end();
    const { method, headers } = request;
    const forwarded = http.request(new URL(request.url.slice(4), url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const at = `http://127.0.0.1:${proxy.address().port}/llm/`;
  const page = await open({ at });
  await page.send('Hello!');
  assert.deepEqual((await page.messages()).at(-1), ['Assistant', 'Hello!']);
  assert.match(await page.text('code'), new RegExp(`curl -N ${at}v1/chat/completions`));
  await page.close();
  proxy.close();
  proxy.closeAllConnections();
});
