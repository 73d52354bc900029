using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Reads RESP2 and RESP3 replies from a stream. Memory is allocated for bytes that arrived, not for claimed lengths.</summary>
/// <remarks>
/// Open aggregates are kept on an explicit stack, so nesting can't overflow the thread's stack. Pushes and attributes are read and
/// discarded. After an exception the position in the stream is unknown and the stream must be closed.
/// </remarks>
internal sealed class RespReader(Stream stream, RespLimits limits)
{
    private const int FirstChunk = 64 * 1024;

    // Its size is also the maximum length of a line: a line must fit into the buffer. Empty while no reply is expected or left.
    private byte[] _buffer = [];
    private int _start;
    private int _end;

    private readonly Stack<RespAggregate> _open = new();
    private long _replyLength;
    private int _replyItems;

    /// <summary>Reads one reply.</summary>
    /// <exception cref="RedisOperationException">
    /// ProtocolError: the bytes are not a reply. ReplyTooLarge: the reply exceeds our limits.
    /// </exception>
    /// <exception cref="EndOfStreamException">The server closed the connection before the reply was complete.</exception>
    public async Task<RespValue> ReadAsync(CancellationToken cancellation)
    {
        _replyLength = 0;
        _replyItems = 0;
        _open.Clear();
        if (_buffer.Length == 0)
            _buffer = IoBuffers.Rent();
        while (true)
        {
            int lineEnd;
            while ((lineEnd = FindLineEnd()) < 0)
                await FillAsync(cancellation).ConfigureAwait(false);
            var line = TakeLine(lineEnd);

            RespValue? value = null;
            if (line.IsAggregate)
            {
                var aggregate = Open(line);
                if (aggregate is null)
                    value = RespValue.Null;
                else
                    _open.Push(aggregate);
            }
            else if (line.IsBlob)
            {
                var length = LengthOf(line, limits.MaxStringLength, "bytes in one string");
                value = length < 0 ? RespValue.Null : line.ToValue(await ReadBlobAsync(length, cancellation).ConfigureAwait(false));
            }
            else
            {
                value = line.ToValue();
            }

            value = Add(value);
            if (value is null)
                continue;
            if (_start == _end)
            {
                IoBuffers.Return(_buffer);
                (_buffer, _start, _end) = ([], 0, 0);
            }

            return value;
        }
    }

    // Adds a value to the innermost open aggregate, and closes each aggregate that is full. Returns the reply once it is complete.
    private RespValue? Add(RespValue? value)
    {
        while (_open.Count > 0)
        {
            var innermost = _open.Peek();
            if (value is not null)
                innermost.Add(value);
            if (!innermost.IsFull)
                return null;
            _open.Pop();
            value = innermost.ToValue();
        }

        return value;
    }

    private RespAggregate? Open(RespLine line)
    {
        var count = LengthOf(line, limits.MaxItems, "elements in one reply");
        if (count < 0)
            return null;
        var items = line.HasPairs ? 2L * count : count;
        if (items > limits.MaxItems - _replyItems)
            throw TooMuch("elements in one reply", limits.MaxItems);
        if (_open.Count >= limits.MaxDepth)
            throw TooMuch("levels of arrays inside arrays", limits.MaxDepth);
        _replyItems += (int)items;
        return new RespAggregate(line.Type, (int)items);
    }

    /// <summary>The length or count of a line; -1 for a RESP2 null.</summary>
    private static int LengthOf(RespLine line, int most, string what)
    {
        var length = line.ToNumber();
        if (length < (line.MayBeNull ? -1 : 0))
            throw Malformed("a negative length in " + line);
        return length <= most ? (int)length : throw TooMuch(what, most);
    }

    /// <summary>The position of the '\r' that ends the first line in the buffer; -1 if it has not arrived.</summary>
    private int FindLineEnd()
    {
        if (_start == _end)
            return -1;

        // Checked before the line is complete: a server that is not Redis may never end its line.
        if (!RespLine.IsKnownType(_buffer[_start]))
            throw Malformed("it begins with " + Seen() + HintFor(_buffer[_start]));
        var found = Array.IndexOf(_buffer, (byte)'\r', _start, _end - _start);
        if (found >= 0 && found + 1 < _end)
            return _buffer[found + 1] == '\n' ? found : throw Malformed("a line that does not end: " + Seen());
        return _end - _start < _buffer.Length ? -1 : throw TooMuch("bytes in one line", _buffer.Length);
    }

    private RespLine TakeLine(int lineEnd)
    {
        Count(lineEnd + 2 - _start);
        var line = new RespLine(_buffer, _start, lineEnd);
        _start = lineEnd + 2;
        return line;
    }

    private async Task<byte[]> ReadBlobAsync(int length, CancellationToken cancellation)
    {
        Count(length + 2L);
        var blob = new byte[Math.Min(length, FirstChunk)];
        var filled = Math.Min(blob.Length, _end - _start);
        Array.Copy(_buffer, _start, blob, 0, filled);
        _start += filled;
        while (filled < length)
        {
            if (filled == blob.Length)
                Array.Resize(ref blob, (int)Math.Min(length, blob.Length * 2L));
            filled += await ReceiveAsync(blob, filled, cancellation).ConfigureAwait(false);
        }

        while (_end - _start < 2)
            await FillAsync(cancellation).ConfigureAwait(false);
        if (_buffer[_start] != '\r' || _buffer[_start + 1] != '\n')
            throw Malformed("a string longer than its length says: it continues with " + Seen());
        _start += 2;
        return blob;
    }

    private async Task FillAsync(CancellationToken cancellation)
    {
        if (_start > 0)
        {
            Array.Copy(_buffer, _start, _buffer, 0, _end - _start);
            _end -= _start;
            _start = 0;
        }

        _end += await ReceiveAsync(_buffer, _end, cancellation).ConfigureAwait(false);
    }

    private async Task<int> ReceiveAsync(byte[] into, int offset, CancellationToken cancellation)
    {
        var received = await stream.ReadAsync(into, offset, into.Length - offset, cancellation).ConfigureAwait(false);
        return received > 0 ? received : throw new EndOfStreamException("the server closed the connection");
    }

    private void Count(long bytes)
    {
        _replyLength += bytes;
        if (_replyLength > limits.MaxReplyLength)
            throw TooMuch("bytes in one reply", limits.MaxReplyLength);
    }

    private string Seen()
    {
        var seen = new byte[Math.Min(_end - _start, 40)];
        Array.Copy(_buffer, _start, seen, 0, seen.Length);
        return Printable.Quote(seen);
    }

    // A TLS port answers plain bytes with an alert record, whose type is 21.
    private static string HintFor(byte first) =>
        first == 0x15 ? "; that looks like TLS: connect by TLS (rediss://)" : string.Empty;

    private static RedisOperationException Malformed(string seen) => RespLine.Malformed(seen);

    private static RedisOperationException TooMuch(string what, long most) =>
        new(FailureCode.ReplyTooLarge, "the reply has more than " + most + " " + what);
}
