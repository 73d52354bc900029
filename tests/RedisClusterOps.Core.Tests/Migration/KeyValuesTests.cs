using System;
using System.Collections.Generic;
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
    [InlineData("zset", "a 1 b 2", "b 2 a 1", true)]
    [InlineData("zset", "a 1 b 2", "a 1 b 3", false)]
    [InlineData("zset", "a 1 b 2", "a 1 c 2", false)]
    public async Task Members_decide_if_the_dumps_differ(string type, string mine, string theirs, bool equal) =>
        Assert.Equal(equal, await CompareAsync(new ScriptedNodes(), type, "one encoding", "another", mine, theirs));

    [Theory]
    [InlineData("same", "same", true)]
    [InlineData("mine", "theirs", false)]
    public async Task A_string_is_compared_by_its_bytes(string mine, string theirs, bool equal)
    {
        var nodes = new ScriptedNodes();
        Assert.Equal(equal, await AreEqualAsync(
            nodes, _ => RespValue.Bulk(mine), Copy("string", "1"), _ => RespValue.Bulk(theirs), Copy("string", "2")));
    }

    [Fact]
    public async Task Members_are_bytes_and_not_text()
    {
        // Neither is UTF-8: as text, both would be the same replacement character.
        var nodes = new ScriptedNodes();
        Assert.False(await AreEqualAsync(
            nodes,
            _ => RespValue.Array([RespValue.Bulk([0xFF])]),
            Copy("set", "1"),
            _ => RespValue.Array([RespValue.Bulk([0xFE])]),
            Copy("set", "2")));
    }

    [Fact]
    public async Task A_type_that_cannot_be_read_by_members_counts_as_different() =>
        Assert.False(await CompareAsync(new ScriptedNodes(), "stream", "one encoding", "another", "a", "a"));

    [Fact]
    public async Task A_value_that_is_too_large_to_read_counts_as_different()
    {
        var nodes = new ScriptedNodes();
        var big = new KeyCopy("set", new byte[64 * 1024 * 1024 + 1], null);
        Assert.False(await AreEqualAsync(
            nodes, Members("a"), big, Members("a"), Copy("set", "2")));
        Assert.Empty(nodes.Asked);
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
        Assert.Equal([Source + " SMEMBERS {tag}key", Target + " ASKING", Target + " SMEMBERS {tag}key"], nodes.Asked);
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
            : RespValue.Array([RespValue.Bulk("field"), RespValue.Bulk("1")]);
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
            : RespValue.Array([RespValue.Bulk("field"), RespValue.Bulk("1")]);
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

    // A server without field expiry, which only returns the members.
    private static Func<RespCommand, RespValue> Members(string? members)
    {
        var texts = (members ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        IReadOnlyList<RespValue> items = [.. texts.Select(RespValue.Bulk)];
        string[] readers = ["SMEMBERS", "LRANGE", "HGETALL", "ZRANGE"];
        return command => command.ToString() == "ASKING" ? RespValue.Simple("OK")
            : readers.Any(reader => command.ToString().StartsWith(reader, StringComparison.Ordinal)) ? RespValue.Array(items)
            : RespValue.Error("ERR unknown command");
    }

    // The target only imports the slot, so it needs ASKING.
    private static async Task<SlotSide> ConnectAsync(ScriptedNodes nodes, string endpoint, Func<RespCommand, RespValue>? answer) => new(
        await nodes.Node(endpoint, answer ?? (_ => RespValue.Error("ERR unknown command"))).ConnectAsync(
            NodeEndpoint.TryParse(endpoint, out var read) ? read : default, default),
        endpoint == Target);
}
