using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>Bytes that arrive in pieces of the given sizes, repeated, as a network delivers them.</summary>
internal sealed class PiecewiseStream(byte[] bytes, params int[] sizes) : MemoryStream(bytes)
{
    private int _reads;

    public override int Read(byte[] buffer, int offset, int count) =>
        base.Read(buffer, offset, sizes.Length == 0 ? count : Math.Min(count, sizes[_reads++ % sizes.Length]));
}

/// <summary>Replies as bytes, and as text that differs for different replies.</summary>
internal static class Bytes
{
    public static byte[] Of(string latin1) => Encoding.Latin1.GetBytes(latin1);

    public static Task<RespValue> ReadAsync(byte[] bytes, RespLimits? limits = null, params int[] sizes) =>
        new RespReader(new PiecewiseStream(bytes, sizes), limits ?? new RespLimits()).ReadAsync(CancellationToken.None);

    public static Task<RespValue> ReadAsync(string latin1, RespLimits? limits = null) => ReadAsync(Of(latin1), limits);

    public static string Describe(RespValue value) => value.Kind switch
    {
        RespKind.Integer or RespKind.Boolean => $"{value.Kind} {value.Integer}",
        RespKind.Array or RespKind.Map => $"{value.Kind}[{string.Join(", ", value.Items.Select(Describe))}]",
        RespKind.Null => "Null",
        _ => $"{value.Kind} {Encoding.Latin1.GetString(value.Bytes)}",
    };

    /// <summary>The reply as a server would send it in RESP3.</summary>
    public static byte[] Serialize(RespValue value)
    {
        var bytes = new List<byte>();
        Append(bytes, value);
        return [.. bytes];
    }

    private static void Append(List<byte> bytes, RespValue value)
    {
        var text = Encoding.Latin1.GetString(value.Bytes);
        bytes.AddRange(Of(value.Kind switch
        {
            RespKind.Null => "_\r\n",
            RespKind.SimpleString => $"+{text}\r\n",
            RespKind.Error => $"-{text}\r\n",
            RespKind.Integer => $":{value.Integer}\r\n",
            RespKind.Boolean => value.Integer == 1 ? "#t\r\n" : "#f\r\n",
            RespKind.Double => $",{text}\r\n",
            RespKind.BulkString => $"${value.Bytes.Length}\r\n{text}\r\n",
            RespKind.Array => $"*{value.Items.Count}\r\n",
            RespKind.Map => $"%{value.Items.Count / 2}\r\n",
            _ => throw new ArgumentOutOfRangeException(nameof(value)),
        }));
        foreach (var item in value.Items)
            Append(bytes, item);
    }
}
