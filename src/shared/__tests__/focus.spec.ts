import { keepFocus } from '../focus';

const noticed = () => new Promise(resolve => setTimeout(resolve));

describe('keepFocus', () => {
  const node = document.createElement('div');
  const button = document.createElement('button');
  let kept: ReturnType<typeof keepFocus>;

  beforeEach(() => {
    node.tabIndex = -1;
    button.disabled = false;
    node.append(button);
    document.body.append(node);
    kept = keepFocus(node);
    button.focus();
  });

  afterEach(() => {
    kept.dispose();
    node.remove();
  });

  it('goes on around what is no more', async () => {
    button.remove();
    await noticed();
    expect(document.activeElement).toBe(node);
  });

  it('goes on where that was, as near as it can', async () => {
    const near = document.createElement('div');
    near.tabIndex = -1;
    near.append(button);
    node.append(near);
    button.focus();
    button.remove();
    await noticed();
    expect(document.activeElement).toBe(near);
    near.remove();
  });

  it('comes back to what was disabled for a while', async () => {
    // Browsers do the same.
    button.blur();
    button.disabled = true;
    await noticed();
    expect(document.activeElement).toBe(document.body);
    button.disabled = false;
    await noticed();
    expect(document.activeElement).toBe(button);
  });

  it('calls nobody back who went elsewhere', async () => {
    const elsewhere = document.createElement('button');
    document.body.append(elsewhere);
    elsewhere.focus();
    button.remove();
    await noticed();
    expect(document.activeElement).toBe(elsewhere);
    elsewhere.remove();
  });

  it('calls nobody back who left by the mouse', async () => {
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));
    button.blur();
    button.remove();
    await noticed();
    expect(document.activeElement).toBe(document.body);
  });
});
