using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>The kinds of RESP2 and RESP3 replies that callers distinguish.</summary>
internal enum RespKind
{
    Null,
    SimpleString,
    Error,
    Integer,
    BulkString,
    Array,
    Map,
    Double,
    Boolean,
}

/// <summary>One reply of a server. A RESP3 set is an array here, a verbatim string a bulk string, and a big number text.</summary>
internal sealed class RespValue
{
    private static readonly byte[] NoBytes = [];
    private static readonly RespValue[] NoItems = [];
    private static readonly Encoding Utf8 = new UTF8Encoding(false);

    private RespValue(RespKind kind, byte[]? bytes = null, long integer = 0, IReadOnlyList<RespValue>? items = null)
    {
        Kind = kind;
        Bytes = bytes ?? NoBytes;
        Integer = integer;
        Items = items ?? NoItems;
    }

    public static RespValue Null { get; } = new(RespKind.Null);

    public RespKind Kind { get; }

    /// <summary>The bytes of a string, an error (without the leading '-') or a double; otherwise empty.</summary>
    public byte[] Bytes { get; }

    /// <summary>The value of an integer; 1 or 0 for a boolean.</summary>
    public long Integer { get; }

    /// <summary>The elements of an array; for a map, its keys and values alternately.</summary>
    public IReadOnlyList<RespValue> Items { get; }

    public bool IsNull => Kind == RespKind.Null;

    public bool IsError => Kind == RespKind.Error;

    /// <summary>The value as text. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string Text => Kind is RespKind.Integer or RespKind.Boolean
        ? Integer.ToString(CultureInfo.InvariantCulture)
        : Utf8.GetString(Bytes);

    /// <summary>The value that follows a name, in a list of alternating names and values; null if the name is missing.</summary>
    public RespValue? Field(string name)
    {
        for (var i = 0; i + 1 < Items.Count; i += 2)
        {
            if (Items[i].Text == name)
                return Items[i + 1];
        }

        return null;
    }

    public static RespValue Simple(string text) => new(RespKind.SimpleString, Utf8.GetBytes(text));

    public static RespValue Simple(byte[] bytes) => new(RespKind.SimpleString, bytes);

    public static RespValue Error(string text) => new(RespKind.Error, Utf8.GetBytes(text));

    public static RespValue Error(byte[] bytes) => new(RespKind.Error, bytes);

    public static RespValue Bulk(byte[] bytes) => new(RespKind.BulkString, bytes);

    public static RespValue Bulk(string text) => new(RespKind.BulkString, Utf8.GetBytes(text));

    public static RespValue Number(long value) => new(RespKind.Integer, integer: value);

    public static RespValue Bool(bool value) => new(RespKind.Boolean, integer: value ? 1 : 0);

    public static RespValue Double(string text) => new(RespKind.Double, Utf8.GetBytes(text));

    public static RespValue Double(byte[] bytes) => new(RespKind.Double, bytes);

    public static RespValue Array(IReadOnlyList<RespValue> items) => new(RespKind.Array, items: items);

    public static RespValue Map(IReadOnlyList<RespValue> keysAndValues) => new(RespKind.Map, items: keysAndValues);

    /// <summary>For debuggers: the kind and a short form of the value.</summary>
    public override string ToString() => Kind switch
    {
        RespKind.Array or RespKind.Map => Kind + "(" + Items.Count.ToString(CultureInfo.InvariantCulture) + ")",
        RespKind.BulkString => "BulkString(" + Bytes.Length.ToString(CultureInfo.InvariantCulture) + " bytes)",
        _ => Kind + " " + Text,
    };
}
