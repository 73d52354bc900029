using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>One line of the protocol: the type of a value, then the value itself or its length.</summary>
/// <remarks>It lies in the reader's buffer: once the reader reads on, only <see cref="Type"/> still holds.</remarks>
internal readonly struct RespLine(byte[] buffer, int start, int end)
{
    private const string Scalars = "+-:_#,(";
    private const string Blobs = "$!=";
    private const string Aggregates = "*%~|>";

    public char Type { get; } = (char)buffer[start];

    /// <summary>The line gives a length, and so many bytes follow.</summary>
    public bool IsBlob => Blobs.IndexOf(Type) >= 0;

    /// <summary>The line gives a count, and so many values follow.</summary>
    public bool IsAggregate => Aggregates.IndexOf(Type) >= 0;

    /// <summary>The count is one of pairs.</summary>
    public bool HasPairs => Type is '%' or '|';

    /// <summary>RESP2 has no null of its own; it writes -1 for the length of these two.</summary>
    public bool MayBeNull => Type is '$' or '*';

    public static bool IsKnownType(byte type) => (Scalars + Blobs + Aggregates).IndexOf((char)type) >= 0;

    public static RedisOperationException Malformed(string seen) =>
        new(FailureCode.ProtocolError, "what came is not a Redis reply: " + seen);

    /// <summary>The value of a line that is a value by itself.</summary>
    public RespValue ToValue() => Type switch
    {
        '+' => RespValue.Simple(Rest()),
        '-' => RespValue.Error(Rest()),
        ':' => RespValue.Number(ToNumber()),
        '_' when end == start + 1 => RespValue.Null,
        '#' when end == start + 2 && buffer[start + 1] is (byte)'t' or (byte)'f' => RespValue.Bool(buffer[start + 1] == 't'),
        ',' when IsDouble() => RespValue.Double(Rest()),
        '(' when IsDigits() => RespValue.Simple(Rest()),
        _ => throw Malformed(ToString()),
    };

    /// <summary>The value of a line that announced the bytes.</summary>
    public RespValue ToValue(byte[] blob) => Type switch
    {
        '!' => RespValue.Error(blob),
        '=' => RespValue.Bulk(WithoutFormat(blob)),
        _ => RespValue.Bulk(blob),
    };

    public long ToNumber() =>
        IsDigits() && long.TryParse(RestText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Malformed(buffer[start + 1] == '?' ? "a streamed value, " + this + ", which no server sends unasked" : ToString());

    /// <summary>The line as it is safe to print.</summary>
    public override string ToString()
    {
        var seen = new byte[Math.Min(end - start, 40)];
        Array.Copy(buffer, start, seen, 0, seen.Length);
        return Printable.Quote(seen);
    }

    private byte[] Rest()
    {
        var rest = new byte[end - start - 1];
        Array.Copy(buffer, start + 1, rest, 0, rest.Length);
        return rest;
    }

    private string RestText() => Encoding.ASCII.GetString(buffer, start + 1, end - start - 1);

    private bool IsDigits()
    {
        var first = start + 1 < end && buffer[start + 1] is (byte)'-' or (byte)'+' ? start + 2 : start + 1;
        for (var i = first; i < end; i++)
        {
            if (buffer[i] is < (byte)'0' or > (byte)'9')
                return false;
        }

        return first < end;
    }

    private bool IsDouble()
    {
        var text = RestText();
        return text is "inf" or "-inf" or "nan" || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
    }

    // A verbatim string begins with what it is, three letters and a colon: txt:, mkd:.
    private static byte[] WithoutFormat(byte[] blob)
    {
        if (blob.Length < 4 || blob[3] != ':')
            throw Malformed("a verbatim string that does not say its format");
        var text = new byte[blob.Length - 4];
        Array.Copy(blob, 4, text, 0, text.Length);
        return text;
    }
}

/// <summary>An array, set, map, push or attribute whose elements are still coming.</summary>
internal sealed class RespAggregate(char type, int count)
{
    // The count is the server's word; room is made as the elements come.
    private readonly List<RespValue> _items = new(Math.Min(count, 64));

    public bool IsFull => _items.Count == count;

    public void Add(RespValue item) => _items.Add(item);

    /// <summary>Null for a push or an attribute, which is no part of a reply.</summary>
    public RespValue? ToValue() => type switch
    {
        '>' or '|' => null,
        '%' => RespValue.Map(_items),
        _ => RespValue.Array(_items),
    };
}
