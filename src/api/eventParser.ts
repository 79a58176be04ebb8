export type ServerEvent = { name: string; data: string; id: string | null };

/**
 * A parser of `text/event-stream`. The text comes in pieces that may be cut anywhere, also inside a line
 * or between the two characters of a line end. `EventSource` is not used because it sends no token.
 */
export class EventParser {
  /** Take the next piece, and return the events that it completes. */
  push(text: string): ServerEvent[] {
    this._rest += text;
    // A carriage return at the very end may be half of a line end: wait for what follows.
    const whole = this._rest.endsWith('\r')
      ? this._rest.slice(0, -1)
      : this._rest;
    const lines = whole.split(/\r\n|\r|\n/);
    this._rest = lines.pop()! + this._rest.slice(whole.length);
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this._data.length) {
          const data = this._data.join('\n');
          events.push({ name: this._name || 'message', data, id: this._id });
        }
        this._name = '';
        this._data = [];
      } else {
        this._field(line);
      }
    }
    return events;
  }

  private _field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      this._data.push(value);
    } else if (name === 'event') {
      this._name = value;
    } else if (name === 'id') {
      this._id = value;
    }
  }

  private _rest = '';
  private _name = '';
  private _data: string[] = [];
  private _id: string | null = null;
}
