import { EventParser, ServerEvent } from '../eventParser';

const STREAM =
  ': a comment\n\n' +
  'id: 7;r1=3\nevent: run\ndata: {"id":"r1"}\n\n' +
  'id: 8;r1=4\r\nevent: journal\r\ndata: {"text":"é\\n",\r\ndata: "more":1}\r\n\r\n' +
  'data: last\n\n';

const EVENTS: ServerEvent[] = [
  { name: 'run', data: '{"id":"r1"}', id: '7;r1=3' },
  { name: 'journal', data: '{"text":"é\\n",\n"more":1}', id: '8;r1=4' },
  { name: 'message', data: 'last', id: '8;r1=4' }
];

describe('EventParser', () => {
  it('reads a stream that comes in one piece', () => {
    expect(new EventParser().push(STREAM)).toEqual(EVENTS);
  });

  it('reads the same wherever the stream is cut in two', () => {
    for (let cut = 1; cut < STREAM.length; cut++) {
      const parser = new EventParser();
      const events = [
        ...parser.push(STREAM.slice(0, cut)),
        ...parser.push(STREAM.slice(cut))
      ];
      expect({ cut, events }).toEqual({ cut, events: EVENTS });
    }
  });

  it('reads the same character by character', () => {
    const parser = new EventParser();
    const events = [...STREAM].flatMap(character => parser.push(character));
    expect(events).toEqual(EVENTS);
  });

  it('gives nothing for an event that has not ended', () => {
    expect(new EventParser().push('event: run\ndata: {}\n')).toEqual([]);
  });

  it('keeps all but one space after the colon', () => {
    const [event] = new EventParser().push('data:  two\n\n');
    expect(event.data).toBe(' two');
  });
});
