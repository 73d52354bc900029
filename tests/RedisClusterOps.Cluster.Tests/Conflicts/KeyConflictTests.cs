using System;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>A key of an open slot that exists on both nodes: equal copies are merged, different ones are reported and kept.</summary>
public sealed partial class KeyConflictTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    // The hardest possible name. Control characters must not reach a terminal.
    private static readonly byte[] OddName = [0x00, 0xFF, .. "\r\n\"' \u001b[2J$(`"u8, 0xC3, 0x28];

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Equal_copies_are_one_key_in_any_encoding(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var fields = Enumerable.Range(0, 600).SelectMany(i => new object[] { "f" + i, "v" + i }).ToArray();
        var members = Enumerable.Range(0, 600).Select(i => (object)("m" + i)).ToArray();
        var scored = Enumerable.Range(0, 600).SelectMany(i => new object[] { $"{i}.25", "m" + i }).ToArray();
        var (text, alike, set, hash, sorted, numbers, list) =
            (
                slot.Key("text"),
                slot.Key("expiring"),
                slot.Key("set"),
                slot.Key("hash"),
                slot.Key("sorted"),
                slot.Key("numbers"),
                slot.Key("list"));

        await slot.OnSourceAsync("SET", text, OddName);
        await slot.OnSourceAsync("SET", alike, "x", "PX", 600_000);
        await slot.OnSourceAsync(["SADD", set, .. members]);
        await slot.OnSourceAsync("HSET", hash, "a", "1", "b", "2");
        await slot.OnSourceAsync("ZADD", sorted, "0.1", "a", "-inf", "b");
        await slot.OnSourceAsync("SADD", numbers, 1, 2, 3);
        await slot.OnSourceAsync("RPUSH", list, "one", "two", "three");
        await slot.OpenAsync();

        await slot.OnTargetAsync("SET", text, OddName);
        await slot.OnTargetAsync("SET", alike, "x", "PX", 600_500);
        // Members in another order, and hash tables that stay hash tables after they were large.
        await slot.OnTargetAsync(["SADD", set, .. members.Reverse()]);
        await slot.OnTargetAsync(["HSET", hash, "b", "2", "a", "1", .. fields]);
        await slot.OnTargetAsync(["HDEL", hash, .. fields.Where((_, i) => i % 2 == 0)]);
        await slot.OnTargetAsync(["ZADD", sorted, "-inf", "b", "0.1", "a", .. scored]);
        await slot.OnTargetAsync(["ZREM", sorted, .. members]);
        await slot.OnTargetAsync("SADD", numbers, "x", 3, 2, 1);
        await slot.OnTargetAsync("SREM", numbers, "x");
        await slot.OnTargetAsync("RPUSH", list, "one", "two", "three");
        foreach (var key in new[] { set, hash, sorted, numbers })
            Assert.NotEqual((await slot.SourceCopyAsync(key)).Dump, (await slot.TargetCopyAsync(key)).Dump);
        var expiry = (await slot.SourceCopyAsync(alike)).ExpiresAt;

        var result = await slot.CompletedAsync();

        Assert.Equal((7, 0), (result.KeysMoved, result.KeysConflicting));
        Assert.Null(result.Reason);
        Assert.Equal(7, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
        Assert.InRange((await slot.TargetCopyAsync(alike)).ExpiresAt, expiry - 1500, expiry + 1500);
        Assert.Equal(600, (await slot.OnTargetAsync("SCARD", set)).Integer);
        Assert.Equal(2, (await slot.OnTargetAsync("HLEN", hash)).Integer);
        Assert.Equal(0.1, double.Parse((await slot.OnTargetAsync("ZSCORE", sorted, "a")).Text, CultureInfo.InvariantCulture));
    }

    public static TheoryData<string, string> Differences
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var server in Servers.RedisAndValkey)
            {
                string[] kinds =
                [
                    "value", "type", "expiry", "no expiry", "order of a list", "member of a large set", "stream", "expiry of a field",
                ];
                // In the short proof each kind has one server.
                foreach (var kind in kinds.Where((_, index) => Servers.IsTaken(server.Data, index)))
                {
                    if (kind != "expiry of a field" || server.Data is Servers.Redis86 or Servers.Valkey91)
                        all.Add(server.Data, kind);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Differences))]
    public async Task Different_copies_stop_the_run_and_both_are_kept(string server, string difference)
    {
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key(OddName);
        var members = Enumerable.Range(0, 600).Select(i => (object)("m" + i)).ToArray();
        var (onSource, onTarget) = difference switch
        {
            "value" => (new object[][] { ["SET", key, "mine"] }, new object[][] { ["SET", key, "theirs"] }),
            "type" => ([["RPUSH", key, "mine"]], [["SET", key, "mine"]]),
            "expiry" => ([["SET", key, "x", "EX", 1000]], [["SET", key, "x", "EX", 2000]]),
            "no expiry" => ([["SET", key, "x"]], [["SET", key, "x", "EX", 2000]]),
            "order of a list" => ([["RPUSH", key, "a", "b"]], [["RPUSH", key, "b", "a"]]),
            "member of a large set" => ([["SADD", key, .. members]], [["SADD", key, .. members.Skip(1), "other"]]),
            "stream" => ([["XADD", key, "1-1", "f", "v"]], [["XADD", key, "1-1", "f", "w"]]),
            _ => (
                new object[][] { ["HSET", key, "f", "v"] },
                new object[][] { ["HSET", key, "f", "v"], ["HEXPIRE", key, 1000, "FIELDS", 1, "f"] }),
        };
        foreach (var command in onSource)
            await slot.OnSourceAsync(command);
        var others = Enumerable.Range(0, 5).Select(i => slot.Key("other" + i)).ToList();
        foreach (var other in others)
            await slot.OnSourceAsync("SET", other, "fine");
        await slot.OpenAsync();
        foreach (var command in onTarget)
            await slot.OnTargetAsync(command);
        var (mine, theirs) = (await slot.SourceCopyAsync(key), await slot.TargetCopyAsync(key));
        Assert.NotEqual(mine, theirs);

        var failure = await slot.FailsAsync(FailureCode.KeyExistsOnTarget);

        await AssertKeptAsync();
        Assert.Contains(Printable.Quote(key), failure.Message);
        Assert.Contains(slot.Source.Endpoint + " (source, in use) " + Describe(mine), failure.Message);
        Assert.Contains(slot.Target.Endpoint + " (target, hidden) " + Describe(theirs), failure.Message);
        Assert.DoesNotContain(failure.Message, char.IsControl);
        using var client = slot.Cluster.Client();
        foreach (var other in others)
            Assert.Equal("fine", (await client.AskAsync(other, RespCommand.Of("GET", other))).Text);

        // A second attempt reports the same, so the first one changed nothing.
        await slot.FailsAsync(FailureCode.KeyExistsOnTarget);
        await AssertKeptAsync();

        // Reading a hash table may change the order of its dump, not its members.
        async Task AssertKeptAsync()
        {
            var (first, second) = (await slot.SourceCopyAsync(key), await slot.TargetCopyAsync(key));
            if (difference != "member of a large set")
            {
                first.AssertSameAs(mine);
                second.AssertSameAs(theirs);
                return;
            }

            Assert.Equal(members.Order(), (await slot.OnSourceAsync("SMEMBERS", key)).Items.Select(item => (object)item.Text).Order());
            Assert.Equal(
                members.Skip(1).Append("other").Order(),
                (await slot.OnTargetAsync("SMEMBERS", key)).Items.Select(item => (object)item.Text).Order());
        }
    }

    private static string Describe(SideCopy copy) =>
        copy.Type + ", " + copy.Dump.Length / 2 + " bytes, " + (copy.ExpiresAt < 0 ? "no expiry" : "expires in ");

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_conflict_in_a_batch_holds_back_only_that_key(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = Enumerable.Range(0, 20).Select(i => slot.Key("k" + i)).ToList();
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, "v");
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", keys[7], "hidden");

        var outcome = await slot.CompleteAsync(new MoveOptions { BatchSize = 20 });

        Assert.Equal(FailureCode.KeyExistsOnTarget, outcome.Failure!.Code);
        Assert.Equal((19, 1), (outcome.Result.KeysMoved, outcome.Result.KeysConflicting));
        await slot.AssertOpenAsync();
        Assert.Equal(1, await slot.KeysOnSourceAsync());
        Assert.Equal("v", (await slot.OnSourceAsync("GET", keys[7])).Text);
        Assert.Equal("hidden", (await slot.OnTargetAsync("GET", keys[7])).Text);
    }
}
