using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The most difficult keys of one slot that a server allows, and the check that they are unchanged.</summary>
internal sealed class Keyspace
{
    private static readonly TimeSpan Expiry = TimeSpan.FromHours(1);
    private static readonly TimeSpan ExpiryTolerance = TimeSpan.FromSeconds(5);
    private static readonly byte[] AnyByte = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

    private readonly byte[] _tag;
    private readonly List<(byte[] Key, RespCommand[] Writes)> _recipes = [];
    private readonly Dictionary<string, KeySnapshot> _expected = [];

    /// <param name="slot">The slot of all keys. The key with the empty name exists only in slot 0.</param>
    /// <param name="garnet">True to omit what Garnet does not support: streams, and moves of keys with a name over 1 KB.</param>
    /// <param name="deletesPending">True to delete an entry of a stream while it is pending.</param>
    public Keyspace(int slot, bool garnet = false, bool deletesPending = true)
    {
        Slot = slot;
        _tag = TagOf(slot);
        AddOddNames(longest: garnet ? 1000 : 64 * 1024);
        AddEveryType();
        if (!garnet)
            AddStream(deletesPending);
        foreach (var (key, _) in _recipes)
            Assert.Equal(slot, HashSlot.Of(key));
    }

    public int Slot { get; }

    public IReadOnlyList<byte[]> Keys => [.. _recipes.Select(recipe => recipe.Key)];

    /// <summary>Writes all keys and records their values.</summary>
    public async Task WriteAsync(RedirectFollower client)
    {
        foreach (var (key, writes) in _recipes)
        {
            foreach (var write in writes)
            {
                var reply = await client.AskAsync(key, write);
                Assert.False(reply.IsError, write + " on " + Printable.Quote(key)[..Math.Min(60, key.Length)] + ": " + reply.Text);
            }
        }

        foreach (var key in Keys)
        {
            var snapshot = await KeySnapshot.ReadAsync(client, key);
            Assert.NotEqual("none", snapshot.Type);
            _expected[Printable.Quote(key)] = snapshot;
        }
    }

    /// <summary>The differences between the recorded values and those that an application reads now.</summary>
    public async Task<IReadOnlyList<string>> DifferencesAsync(RedirectFollower client)
    {
        Assert.NotEmpty(_expected);
        var found = new List<string>();
        foreach (var key in Keys)
        {
            var name = Printable.Quote(key);
            var difference = _expected[name].DifferenceFrom(await KeySnapshot.ReadAsync(client, key), ExpiryTolerance);
            if (difference is not null)
                found.Add(Printable.Clean(name, 60) + ": " + difference);
        }

        return found;
    }

    private void AddOddNames(int longest)
    {
        Add(_tag, "SET", _tag, "a name without braces");
        string[] endings = [" with space", "\nnew line\r\n", "\"quoted\" and 'single' and \\", "\0after a NUL", "{other} tag", "*?[glob]"];
        foreach (var ending in endings)
            AddNamed(Encoding.UTF8.GetBytes(ending), key => ["SET", key, AnyByte]);
        AddNamed([0xFF, 0xFE, 0x80, 0x00], key => ["SET", key, "not UTF-8"]);
        AddNamed(Encoding.UTF8.GetBytes(":é日本"), key => ["SET", key, "é日本"]);
        AddNamed([.. Enumerable.Repeat((byte)'k', longest)], key => ["SET", key, "a very long name"]);
        if (Slot == 0)
            Add([], "SET", Array.Empty<byte>(), "the empty name");
    }

    private void AddEveryType()
    {
        AddNamed(":empty value", key => ["SET", key, ""]);
        AddNamed(":integer", key => ["SET", key, "9223372036854775807"]);
        AddNamed(":large", key => ["SET", key, new byte[300_000]]);
        AddNamed(":bits", key => ["SETBIT", key, 1001, 1]);
        AddNamed(":hyperloglog", key => ["PFADD", key, .. Numbered("visitor", 50)]);
        foreach (var (size, count) in new[] { ("small", 3), ("large", 1500) })
        {
            AddNamed(":hash " + size, key => ["HSET", key, .. Numbered("field", count).SelectMany(f => new object[] { f, AnyByte })]);
            AddNamed(":list " + size, key => ["RPUSH", key, AnyByte, .. Numbered("item", count)]);
            AddNamed(":set " + size, key => ["SADD", key, AnyByte, .. Numbered("member", count)]);
            AddNamed(":integers " + size, key => ["SADD", key, .. Enumerable.Range(0, count).Select(i => (object)(i * 1_000_003L))]);
            var scored = Numbered("member", count).SelectMany((member, i) => new object[] { Score(i), member });
            AddNamed(":sorted " + size, key => ["ZADD", key, .. scored]);
        }

        AddNamed(":scores", key => ["ZADD", key, "-inf", "low", "0.1", "tenth", "+inf", "high"]);
        foreach (var type in new[] { "SET", "RPUSH", "SADD" })
            AddNamed(":expiring " + type, key => [type, key, "for an hour"], key => ["PEXPIRE", key, (long)Expiry.TotalMilliseconds]);
    }

    private void AddStream(bool deletesPending) => AddNamed(
        ":stream",
        key => ["XADD", key, "1-1", "field", AnyByte],
        key => ["XADD", key, "2-1", "field", "two", "other", ""],
        key => ["XADD", key, "3-7", "field", "three"],
        key => ["XGROUP", "CREATE", key, "workers", "0"],
        key => ["XGROUP", "CREATE", key, "idle", "$"],
        key => ["XREADGROUP", "GROUP", "workers", "alice", "COUNT", 2, "STREAMS", key, ">"],
        key => ["XREADGROUP", "GROUP", "workers", "bob", "COUNT", 1, "STREAMS", key, ">"],
        key => ["XACK", key, "workers", "1-1"],
        key => ["XDEL", key, deletesPending ? "3-7" : "1-1"]);

    private void AddNamed(string ending, params Func<byte[], object[]>[] writes) => AddNamed(Encoding.UTF8.GetBytes(ending), writes);

    private void AddNamed(byte[] ending, params Func<byte[], object[]>[] writes)
    {
        byte[] key = [(byte)'{', .. _tag, (byte)'}', .. ending];
        _recipes.Add((key, [.. writes.Select(write => RespCommand.Of(write(key)))]));
    }

    private void Add(byte[] key, params object[] write) => _recipes.Add((key, [RespCommand.Of(write)]));

    private static IEnumerable<object> Numbered(string name, int count) =>
        Enumerable.Range(0, count).Select(i => (object)(name + " " + i.ToString(CultureInfo.InvariantCulture)));

    private static string Score(int i) => (i * 0.5 - 100).ToString(CultureInfo.InvariantCulture);

    private static byte[] TagOf(int slot) => Enumerable.Range(0, int.MaxValue)
        .Select(i => Encoding.ASCII.GetBytes("tag" + i.ToString(CultureInfo.InvariantCulture)))
        .First(tag => HashSlot.Of(tag) == slot);
}
