using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>
/// The complete state of one key in a form that can be compared between servers. DUMP cannot, because it differs for equal values.
/// </summary>
/// <param name="Type">The reply to TYPE.</param>
/// <param name="Content">Every byte of the value, sorted if the server returns it in no order.</param>
/// <param name="ExpiresAt">Milliseconds since 1970; -1 without expiry.</param>
internal sealed record KeySnapshot(string Type, string Content, long ExpiresAt)
{
    public static async Task<KeySnapshot> ReadAsync(RedirectFollower client, byte[] key)
    {
        async Task<RespValue> Ask(params object[] arguments)
        {
            var reply = await client.AskAsync(key, RespCommand.Of(arguments));
            return reply.IsError ? throw new InvalidOperationException(RespCommand.Of(arguments) + ": " + reply.Text) : reply;
        }

        var type = (await Ask("TYPE", key)).Text;
        var content = type switch
        {
            "string" => Flat(await Ask("GET", key)),
            "hash" => Sorted(Pairs(await Ask("HGETALL", key))),
            "list" => Flat(await Ask("LRANGE", key, 0, -1)),
            "set" => Sorted((await Ask("SMEMBERS", key)).Items.Select(Flat)),
            "zset" => Flat(await Ask("ZRANGE", key, 0, -1, "WITHSCORES")),
            "stream" => await StreamAsync(key, Ask),
            "none" => string.Empty,
            _ => throw new InvalidOperationException("A key of the unknown type " + type + "."),
        };
        var left = (await Ask("PTTL", key)).Integer;
        return new KeySnapshot(type, content, left < 0 ? -1 : DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + left);
    }

    /// <summary>The difference to the other snapshot; null if they are equal.</summary>
    public string? DifferenceFrom(KeySnapshot other, TimeSpan expiryTolerance)
    {
        if (Type != other.Type)
            return "was a " + Type + ", is a " + other.Type;
        if (Content != other.Content)
        {
            // Shows some text before the first difference.
            var same = Math.Max(0, Content.Zip(other.Content).TakeWhile(pair => pair.First == pair.Second).Count() - 40);
            return "was " + Printable.Clean(Content[same..], 200) + ", is " + Printable.Clean(other.Content[same..], 200);
        }

        var sameExpiry = ExpiresAt < 0 ? other.ExpiresAt < 0 : Math.Abs(ExpiresAt - other.ExpiresAt) <= expiryTolerance.TotalMilliseconds;
        return sameExpiry ? null : "expired at " + ExpiresAt + ", expires at " + other.ExpiresAt;
    }

    private static async Task<string> StreamAsync(byte[] key, Func<object[], Task<RespValue>> ask)
    {
        string[] lasting = ["length", "last-generated-id", "max-deleted-entry-id", "entries-added", "groups"];
        var parts = new List<string>
        {
            Flat(await ask(["XRANGE", key, "-", "+"])),
            Fields(await ask(["XINFO", "STREAM", key]), lasting),
        };
        foreach (var group in (await ask(["XINFO", "GROUPS", key])).Items)
        {
            parts.Add(Fields(group, ["name", "consumers", "pending", "last-delivered-id", "entries-read", "lag"]));
            // RESTORE keeps the time since which an entry is pending, but the server returns it as an age, so it is omitted.
            var pending = await ask(["XPENDING", key, group.Items[1].Bytes, "-", "+", 100]);
            parts.AddRange(pending.Items.Select(entry => Flat(entry.Items[0]) + Flat(entry.Items[1]) + Flat(entry.Items[3])));
        }

        return string.Join(" | ", parts);
    }

    private static string Fields(RespValue map, string[] names) => string.Join(
        " ",
        Enumerable.Range(0, map.Items.Count / 2)
            .Where(i => names.Contains(map.Items[2 * i].Text))
            .Select(i => map.Items[2 * i].Text + "=" + Flat(map.Items[(2 * i) + 1])));

    private static IEnumerable<string> Pairs(RespValue map) =>
        Enumerable.Range(0, map.Items.Count / 2).Select(i => Flat(map.Items[2 * i]) + "=" + Flat(map.Items[(2 * i) + 1]));

    private static string Sorted(IEnumerable<string> parts) => string.Join(" ", parts.Order(StringComparer.Ordinal));

    private static string Flat(RespValue value) => value.Kind switch
    {
        RespKind.Null => "null",
        RespKind.Integer or RespKind.Boolean => value.Integer.ToString(CultureInfo.InvariantCulture),
        RespKind.Array or RespKind.Map => "[" + string.Join(" ", value.Items.Select(Flat)) + "]",
        _ => Printable.Quote(value.Bytes),
    };
}
