using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>One line of the protocol: the type of a value, followed by the value or its length.</summary>
/// <remarks>It refers to the reader's buffer. After the reader reads more, only <see cref="Type"/> is valid.</remarks>
internal readonly struct RespLine(byte[] buffer, int start, int end)
{
    private const string Scalars = "+-:_#,(";
    private const string Blobs = "$!=";
    private const string Aggregates = "*%~|>";

    public char Type { get; } = (char)buffer[start];

    /// <summary>True if the line contains a length, followed by that many bytes.</summary>
    public bool IsBlob => Blobs.IndexOf(Type) >= 0;

    /// <summary>True if the line contains a count, followed by that many values.</summary>
    public bool IsAggregate => Aggregates.IndexOf(Type) >= 0;

    /// <summary>True if the count is a number of pairs.</summary>
    public bool HasPairs => Type is '%' or '|';

    /// <summary>True if a length of -1 means null, as RESP2 writes it.</summary>
    public bool MayBeNull => Type is '$' or '*';

    public static bool IsKnownType(byte type) => (Scalars + Blobs + Aggregates).IndexOf((char)type) >= 0;

    public static RedisOperationException Malformed(string seen) =>
        new(FailureCode.ProtocolError, "the server sent something that is not a Redis reply: " + seen);

    /// <summary>The value of a line that contains the value itself.</summary>
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

    /// <summary>The value of a line that contains only the length.</summary>
    /// <param name="blob">The bytes that follow the line.</param>
    public RespValue ToValue(byte[] blob) => Type switch
    {
        '!' => RespValue.Error(blob),
        '=' => RespValue.Bulk(WithoutFormat(blob)),
        _ => RespValue.Bulk(blob),
    };

    public long ToNumber() =>
        IsDigits() && long.TryParse(RestText(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Malformed(buffer[start + 1] == '?' ? "a streamed value, " + this + ", which was not requested" : ToString());

    /// <summary>The start of the line, safe to print.</summary>
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

    // A verbatim string begins with its format, three letters and a colon: txt:, mkd:.
    private static byte[] WithoutFormat(byte[] blob)
    {
        if (blob.Length < 4 || blob[3] != ':')
            throw Malformed("a verbatim string without its format");
        var text = new byte[blob.Length - 4];
        Array.Copy(blob, 4, text, 0, text.Length);
        return text;
    }
}

/// <summary>An array, set, map, push or attribute while its elements are being read.</summary>
internal sealed class RespAggregate(char type, int count)
{
    // The server may claim any count, so memory is allocated only as elements arrive.
    private readonly List<RespValue> _items = new(Math.Min(count, 64));

    public bool IsFull => _items.Count == count;

    public void Add(RespValue item) => _items.Add(item);

    /// <summary>The value; null for a push or an attribute, which is not part of a reply.</summary>
    public RespValue? ToValue() => type switch
    {
        '>' or '|' => null,
        '%' => RespValue.Map(_items),
        _ => RespValue.Array(_items),
    };
}
