using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// Two copies are equal if their members are, regardless of encoding and order. Copies that can't be compared count as different.
/// </summary>
public class KeyValuesTests
{
    private static readonly byte[] Key = Encoding.UTF8.GetBytes("{tag}key");

    [Fact]
    public async Task Equal_dumps_are_equal_without_another_command()
    {
        var nodes = new ScriptedNodes();
        Assert.True(await CompareAsync(nodes, "stream", "same", "same", null, null));
        Assert.Empty(nodes.Asked);
    }

    [Fact]
    public async Task Different_types_are_different_without_another_command()
    {
        var nodes = new ScriptedNodes();
        Assert.False(await AreEqualAsync(
            nodes, null, Copy("set", "d"), null, Copy("list", "d")));
        Assert.Empty(nodes.Asked);
    }

    [Theory]
    [InlineData("set", "a b c", "c a b", true)]
    [InlineData("set", "a b c", "a b d", false)]
    [InlineData("set", "a b c", "a b", false)]
    [InlineData("set", "a b", "a b c", false)]
    [InlineData("list", "a b c", "a b c", true)]
    [InlineData("list", "a b c", "c b a", false)]
    [InlineData("list", "a b", "a b b", false)]
    [InlineData("hash", "f 1 g 2", "g 2 f 1", true)]
    [InlineData("hash", "f 1 g 2", "f 2 g 1", false)]
    [InlineData("hash", "f 1 g 2", "f 1 h 2", false)]
    [InlineData("hash", "f 1", "f 1 g 2", false)]
    [InlineData("zset", "a 1 b 2", "a 1 b 2", true)]
    [InlineData("zset", "a 0.1 b 2", "a 0.10000000000000001 b 2", true)]
    [InlineData("zset", "a 1 b 2", "a 1 b 3", false)]
    [InlineData("zset", "a 1 b 2", "a 1 c 2", false)]
    public async Task Members_decide_if_the_dumps_differ(string type, string mine, string theirs, bool equal) =>
        Assert.Equal(equal, await CompareAsync(new ScriptedNodes(), type, "one encoding", "another", mine, theirs));

    [Theory]
    [InlineData("same", "same", true)]
    [InlineData("mine", "your", false)]
    [InlineData("mine", "theirs", false)]
    public async Task A_string_is_compared_by_its_bytes(string mine, string theirs, bool equal) =>
        Assert.Equal(equal, await AreEqualAsync(
            new ScriptedNodes(), Text(mine), Copy("string", "1"), Text(theirs), Copy("string", "2")));

    [Fact]
    public async Task Members_are_bytes_and_not_text()
    {
        // Neither is UTF-8: as text, both would be the same replacement character.
        var nodes = new ScriptedNodes();
        Assert.False(await AreEqualAsync(
            nodes,
            Members([[0xFF]]),
            Copy("set", "1"),
            Members([[0xFE]]),
            Copy("set", "2")));
    }

    [Theory]
    [InlineData("ReJSON-RL")]
    [InlineData("stream")]
    public async Task A_value_that_cannot_be_read_by_members_counts_as_different(string type) =>
        Assert.False(await CompareAsync(new ScriptedNodes(), type, "one encoding", "another", null, null));

    [Fact]
    public async Task A_member_above_the_limit_of_a_reply_counts_as_different()
    {
        Func<RespCommand, RespValue> tooLarge = command => command.ToString().StartsWith("SCARD", StringComparison.Ordinal)
            ? RespValue.Number(1)
            : throw new RedisOperationException(FailureCode.ReplyTooLarge, "too large");
        Assert.False(await AreEqualAsync(new ScriptedNodes(), tooLarge, Copy("set", "1"), tooLarge, Copy("set", "2")));
    }

    // 2500 fields of a megabyte in all: the pieces have 1000.
    [Theory]
    [InlineData("set", 1)]
    [InlineData("hash", 2)]
    [InlineData("zset", 2)]
    [InlineData("list", 1)]
    public async Task A_large_value_is_compared_in_pieces(string type, int width)
    {
        var texts = Enumerable.Range(0, 2500).SelectMany(i => new[] { "m" + i, i + "" }.Take(width));
        var members = texts.Select(Encoding.UTF8.GetBytes).ToArray();
        var nodes = new ScriptedNodes();
        var large = new KeyCopy(type, null, null) { Memory = 1 << 20 };
        Assert.True(await AreEqualAsync(nodes, Members(members), large, Members(members), large));
        string[] pieces = ["SSCAN", "HSCAN", "ZRANGE", "LRANGE"];
        Assert.Equal(3, nodes.Asked.Count(asked => pieces.Any(piece => asked.StartsWith(Source + " " + piece, StringComparison.Ordinal))));
    }

    [Fact]
    public async Task A_comparison_stops_at_the_first_difference()
    {
        var mine = Enumerable.Range(0, 100_000).Select(i => Encoding.UTF8.GetBytes("m" + i)).ToArray();
        var theirs = mine.Select((member, i) => i == 1500 ? [0] : member).ToArray();
        var nodes = new ScriptedNodes();
        var large = new KeyCopy("list", null, null) { Memory = 2 << 20 };
        Assert.False(await AreEqualAsync(nodes, Members(mine), large, Members(theirs), large));
        Assert.InRange(nodes.Asked.Count(asked => asked.StartsWith(Source + " LRANGE", StringComparison.Ordinal)), 2, 4);
    }

    [Fact]
    public async Task A_large_string_is_compared_in_pieces()
    {
        var nodes = new ScriptedNodes();
        var text = new string('x', 5 << 20);
        var large = new KeyCopy("string", null, null) { Memory = 5 << 20 };
        Assert.True(await AreEqualAsync(nodes, Text(text), large, Text(text), large));
        Assert.Equal(5, nodes.Asked.Count(asked => asked.StartsWith(Source + " GETRANGE", StringComparison.Ordinal)));
        Assert.False(await AreEqualAsync(nodes, Text(text), large, Text(text[..^1] + "y"), large));
    }

    [Fact]
    public async Task Without_dumps_the_members_decide()
    {
        var nodes = new ScriptedNodes();
        Assert.True(await AreEqualAsync(
            nodes, Members("a b"), new KeyCopy("set", null, null), Members("b a"), new KeyCopy("set", null, null)));
    }

    [Fact]
    public async Task Only_commands_to_the_target_follow_an_ASKING()
    {
        var nodes = new ScriptedNodes();
        await CompareAsync(nodes, "set", "1", "2", "a", "a");
        Assert.Equal(
            [
                Source + " SCARD {tag}key", Target + " ASKING", Target + " SCARD {tag}key", Source + " SSCAN {tag}key 0 COUNT 100",
                Target + " ASKING", Target + " SMISMEMBER {tag}key a", Source + " SCARD {tag}key", Target + " ASKING",
                Target + " SCARD {tag}key",
            ],
            nodes.Asked);
    }

    [Theory]
    [InlineData(5000, 5000, true)]
    [InlineData(5000, 6900, true)]
    [InlineData(5000, 9000, false)]
    [InlineData(-1, 9000, false)]
    [InlineData(-1, -1, true)]
    public async Task Different_field_expiries_make_a_hash_different(long mine, long theirs, bool equal)
    {
        Func<RespCommand, RespValue> Hash(long expiry) => command => command.ToString().StartsWith("HPEXPIRETIME", StringComparison.Ordinal)
            ? RespValue.Array([RespValue.Number(expiry)])
            : Members("field 1")(command);
        var nodes = new ScriptedNodes();
        Assert.Equal(equal, await AreEqualAsync(
            nodes, Hash(mine), Copy("hash", "1"), Hash(theirs), Copy("hash", "2")));
    }

    [Fact]
    public async Task Field_expiries_on_one_side_are_different_from_none_on_a_server_without_them()
    {
        Func<RespCommand, RespValue> Hash(RespValue expiry) =>
            command => command.ToString().StartsWith("HPEXPIRETIME", StringComparison.Ordinal)
            ? expiry
            : Members("field 1")(command);
        var nodes = new ScriptedNodes();
        Assert.False(await AreEqualAsync(
            nodes,
            Hash(RespValue.Array([RespValue.Number(5000)])),
            Copy("hash", "1"),
            Hash(RespValue.Error("ERR unknown command 'HPEXPIRETIME'")),
            Copy("hash", "2")));
    }

    private const string Source = "10.0.0.1:6379";
    private const string Target = "10.0.0.2:6379";

    private static Task<bool> CompareAsync(
        ScriptedNodes nodes, string type, string sourceDump, string targetDump, string? mine, string? theirs) =>
        AreEqualAsync(nodes, Members(mine), Copy(type, sourceDump), Members(theirs), Copy(type, targetDump));

    private static async Task<bool> AreEqualAsync(
        ScriptedNodes nodes,
        Func<RespCommand, RespValue>? source,
        KeyCopy sourceCopy,
        Func<RespCommand, RespValue>? target,
        KeyCopy targetCopy)
    {
        using var stop = new StopRequest(SystemClock.Instance, default);
        var (sourceSide, targetSide) = (await ConnectAsync(nodes, Source, source), await ConnectAsync(nodes, Target, target));
        return await KeyValues.AreEqualAsync(sourceSide, sourceCopy, targetSide, targetCopy, Key, stop);
    }

    private static KeyCopy Copy(string type, string dump) => new(type, Encoding.UTF8.GetBytes(dump), null);

    private static Func<RespCommand, RespValue> Text(string value) => command => command.Arguments[0].Length == "STRLEN".Length
        ? command.ToString() == "ASKING" ? RespValue.Simple("OK") : RespValue.Number(value.Length)
        : RespValue.Bulk(Slice(value.Select(c => (byte)c).ToArray(), command, 1));

    private static Func<RespCommand, RespValue> Members(string? members) =>
        Members([.. (members ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Encoding.UTF8.GetBytes)]);

    // A server without field expiry that returns members, in pieces.
    private static Func<RespCommand, RespValue> Members(byte[][] items)
    {
        var index = new Dictionary<byte[], int>(KeyBytes.Comparer);
        for (var i = 0; i < items.Length; i++)
            index.TryAdd(items[i], i);
        return command => Encoding.UTF8.GetString(command.Arguments[0]) switch
        {
            "ASKING" => RespValue.Simple("OK"),
            "SCARD" or "LLEN" => RespValue.Number(items.Length),
            "HLEN" or "ZCARD" => RespValue.Number(items.Length / 2),
            "SMISMEMBER" => RespValue.Array([.. Named(command).Select(member => RespValue.Number(index.ContainsKey(member) ? 1 : 0))]),
            "HMGET" => RespValue.Array([.. Named(command).Select(field =>
                index.TryGetValue(field, out var at) ? RespValue.Bulk(items[at + 1]) : RespValue.Null)]),
            "LRANGE" => RespValue.Array([.. Slice(items, command, 1).Select(RespValue.Bulk)]),
            "ZRANGE" => RespValue.Array([.. Slice(items, command, 2).Select(RespValue.Bulk)]),
            "SSCAN" => Scan(items, command, 1),
            "HSCAN" => Scan(items, command, 2),
            _ => RespValue.Error("ERR unknown command"),
        };
    }

    private static IEnumerable<byte[]> Named(RespCommand command) => command.Arguments.Skip(2);

    private static T[] Slice<T>(T[] items, RespCommand command, int width)
    {
        var (first, last) = (NumberIn(command, 2), NumberIn(command, 3));
        return items[Math.Min(items.Length, first * width)..Math.Min(items.Length, (last + 1) * width)];
    }

    private static RespValue Scan(byte[][] items, RespCommand command, int width)
    {
        var (first, next) = (NumberIn(command, 2) * width, (NumberIn(command, 2) + NumberIn(command, 4)) * width);
        return RespValue.Array(
        [
            RespValue.Bulk(next >= items.Length ? "0" : (next / width).ToString(CultureInfo.InvariantCulture)),
            RespValue.Array([.. items[first..Math.Min(items.Length, next)].Select(RespValue.Bulk)]),
        ]);
    }

    private static int NumberIn(RespCommand command, int argument) =>
        int.Parse(Encoding.UTF8.GetString(command.Arguments[argument]), CultureInfo.InvariantCulture);

    // The target only imports the slot, so it needs ASKING.
    private static async Task<SlotSide> ConnectAsync(ScriptedNodes nodes, string endpoint, Func<RespCommand, RespValue>? answer) => new(
        await nodes.Node(endpoint, answer ?? (_ => RespValue.Error("ERR unknown command"))).ConnectAsync(
            NodeEndpoint.TryParse(endpoint, out var read) ? read : default, default),
        endpoint == Target);
}
