using System;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>
/// Large values on both nodes are compared in pieces: no reply exceeds our limits, and no node is blocked by reading a whole value.
/// </summary>
public sealed class LargeValueTests
{
    // HGETALL would reply with more elements than the limit of a reply, which is 4,194,304. The short proof has a smaller limit and hash.
    private static readonly int Fields = KillCase.IsFullProof ? 2_200_000 : 220_000;

    private static readonly RespLimits Limits = KillCase.IsFullProof ? new() : new() { MaxItems = 420_000 };

    // Enough for a hundred pieces.
    private const int DifferentFields = 100_000;

    private const string FillHash = "for i = ARGV[1], ARGV[2] do redis.call('HSET', KEYS[1], 'f' .. i, 'v' .. i) end";

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Equal_hashes_with_more_fields_than_a_reply_may_have_are_one_key(string server)
    {
        // One MIGRATE of such a value may block both nodes for seconds.
        await using var cluster = await TestCluster.StartAsync(
            server, masters: 2, with: options => options with { NodeTimeout = TimeSpan.FromMinutes(1) });
        var slot = new MovingSlot(cluster, 7) { Session = new([cluster.Node(0).Endpoint], cluster.Connection with { Limits = Limits }) };
        var key = slot.Key("hash");
        await FillAsync(slot.Source, key, FillHash, 1, Fields);
        await slot.OpenAsync();
        await FillAsync(slot.Target, key, FillHash, 1, Fields);
        await ResetAsync(slot);

        var result = await slot.CompletedAsync();

        Assert.Equal((1L, 0L), (result.KeysMoved, result.KeysConflicting));
        Assert.Equal(Fields, (await slot.Target.SendAsync("HLEN", key)).Integer);
        await AssertReadInPiecesAsync(slot);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Different_hashes_stop_the_run_at_the_first_difference(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var slot = new MovingSlot(cluster, 7);
        var key = slot.Key("hash");
        await FillAsync(slot.Source, key, FillHash, 1, DifferentFields);
        await slot.OpenAsync();
        // The same names with other values.
        await FillAsync(slot.Target, key, FillHash.Replace("'v' .. i", "'w' .. i"), 1, DifferentFields);
        await ResetAsync(slot);

        var failure = await slot.FailsAsync(FailureCode.KeyExistsOnTarget);

        Assert.Contains("MB of memory", failure.Message);
        await AssertReadInPiecesAsync(slot);
        Assert.InRange(await CallsAsync(slot.Source, "hscan"), 1, 3);
        // The way back meets the same key, and says the same.
        var undo = await UndoAsync(slot, KeyConflictAction.Stop);
        Assert.Equal(FailureCode.KeyExistsOnTarget, undo.Failure!.Code);
        Assert.Equal(DifferentFields, (await slot.OnTargetAsync("HLEN", key)).Integer);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Large_values_of_each_type_are_equal_or_differ_by_one_member(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var slot = new MovingSlot(cluster, 7);
        (string Fill, string Change)[] types =
        [
            ("redis.call('APPEND', KEYS[1], string.rep('x', 100))", "SETRANGE 1234567 y"),
            ("redis.call('RPUSH', KEYS[1], 'a long member ' .. i)", "LSET 77777 y"),
            ("redis.call('SADD', KEYS[1], 'a long member ' .. i)", "SREM a\u00A0long\u00A0member\u00A0700"),
            ("redis.call('ZADD', KEYS[1], i, 'a long member ' .. i)", "ZADD 7.5 a\u00A0long\u00A0member\u00A0700"),
            ("redis.call('HSET', KEYS[1], 'a long member ' .. i, i)", "HSET a\u00A0long\u00A0member\u00A0700 8"),
            ("redis.call('XADD', KEYS[1], i .. '-1', 'field', 'a long value')", "XADD * field other"),
        ];
        var keys = types.Select((_, i) => (Same: slot.Key("same" + i), Other: slot.Key("other" + i))).ToList();
        for (var i = 0; i < types.Length; i++)
        {
            foreach (var key in new[] { keys[i].Same, keys[i].Other })
                await FillAsync(slot.Source, key, "for i = ARGV[1], ARGV[2] do " + types[i].Fill + " end", 1, 100_000);
        }

        await slot.OpenAsync();
        for (var i = 0; i < types.Length; i++)
        {
            foreach (var key in new[] { keys[i].Same, keys[i].Other })
                await FillAsync(slot.Target, key, "for i = ARGV[1], ARGV[2] do " + types[i].Fill + " end", 1, 100_000);
            var words = types[i].Change.Split(' ').Select(word => (object)word.Replace('\u00A0', ' ')).ToList();
            await slot.OnTargetAsync([words[0], keys[i].Other, .. words.Skip(1)]);
        }

        await ResetAsync(slot);
        for (var i = 0; i < types.Length; i++)
        {
            var moved = await MoveAsync(slot, keys[i].Same);
            Assert.True(moved.Failure is null, types[i].Fill + ": " + moved.Failure?.Message);
            Assert.Equal(1, moved.Result.KeysMoved);
            var stopped = await MoveAsync(slot, keys[i].Other);
            Assert.True(stopped.Failure?.Code == FailureCode.KeyExistsOnTarget, types[i].Change + ": " + stopped.Failure?.Message);
        }

        Assert.Equal(0, await CallsAsync(slot.Source, "dump"));
        Assert.Equal(0, await CallsAsync(slot.Target, "dump"));
    }

    // Pulling keys back deletes the hidden copy. It is watched during the comparison.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_large_copy_that_equals_the_one_in_use_is_deleted_on_the_way_back(string server)
    {
        using var saved = new SavedValueFile();
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var slot = new MovingSlot(cluster, 7);
        var (same, other) = (slot.Key("same"), slot.Key("other"));
        foreach (var key in new[] { same, other })
            await FillAsync(slot.Source, key, FillHash, 1, 100_000);
        await slot.OpenAsync();
        foreach (var key in new[] { same, other })
            await FillAsync(slot.Target, key, FillHash, 1, 100_000);
        await slot.OnTargetAsync("HSET", other, "f5", "changed");

        Assert.Equal(FailureCode.KeyExistsOnTarget, (await UndoAsync(slot, KeyConflictAction.Stop)).Failure!.Code);
        var undone = await UndoAsync(slot, KeyConflictAction.KeepInUse, saved.Folder);
        Assert.Null(undone.Failure);
        Assert.Equal(MigrationOutcome.RolledBack, undone.Result.Outcome);
        Assert.Equal((0L, 2L), (await TestCluster.CountKeysAsync(slot.Target, 7), await slot.KeysOnSourceAsync()));
        Assert.Equal("v5", (await slot.OnSourceAsync("HGET", other, "f5")).Text);
        Assert.Single(saved.Saved);
    }

    // A smaller limit stands for that of 512 MB.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_value_that_is_too_large_to_save_is_not_overwritten(string server)
    {
        using var saved = new SavedValueFile();
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var limits = new RespLimits { MaxStringLength = 2 << 20 };
        var slot = new MovingSlot(cluster, 7) { Session = new([cluster.Node(0).Endpoint], cluster.Connection with { Limits = limits }) };
        var (key, value) = (slot.Key("k"), new byte[4 << 20]);
        new Random(1).NextBytes(value);
        await slot.OnSourceAsync("SET", key, value);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, value);
        await slot.OnTargetAsync("APPEND", key, "more");

        foreach (var action in new[] { KeyConflictAction.KeepInUse, KeyConflictAction.KeepOther })
        {
            var options = new MoveOptions { OnKeyConflict = action, JournalPath = saved.Folder };
            var failure = await slot.FailsAsync(FailureCode.KeyExistsOnTarget, options);
            Assert.Contains("can't be saved", failure.Message);
            Assert.Contains("a limit of this module", failure.Message);
            Assert.Contains("UNLINK", failure.NextStep());
            Assert.Equal(value.Length, (await slot.OnSourceAsync("STRLEN", key)).Integer);
            Assert.Equal(value.Length + 4, (await slot.OnTargetAsync("STRLEN", key)).Integer);
        }

        Assert.Empty(saved.Saved);
    }

    private static async Task<SlotOutcome> UndoAsync(MovingSlot slot, KeyConflictAction action, string? journal = null)
    {
        using var redis = new RedisCluster(slot.Session) { KeepsJournal = false };
        var options = new MoveOptions { OnKeyConflict = action, JournalPath = journal };
        var plan = await redis.PlanUndoAsync(slot.Slot, null, null, UndoStrategy.PullBack, false, options, default);
        return await redis.CarryOutAsync(plan, default);
    }

    private static async Task<KeyMoveOutcome> MoveAsync(MovingSlot slot, byte[] key)
    {
        using var redis = new RedisCluster(slot.Session) { KeepsJournal = false };
        var plan = await redis.PlanKeyMoveAsync(
            slot.Slot, null, null, null, [Encoding.UTF8.GetString(key)], new MoveOptions(), default);
        return await redis.MoveKeysAsync(plan, default);
    }

    private static async Task FillAsync(LocalNode node, byte[] key, string script, int first, int last)
    {
        const int AtOnce = 50_000;
        using var connection = await node.ConnectAsync();
        for (; first <= last; first += AtOnce)
        {
            var eval = RespCommand.Of("EVAL", script, 1, key, first, Math.Min(last, first + AtOnce - 1));
            (await connection.SendAsync([RespCommand.Of("ASKING"), eval], null, default))[1].OrThrow(node.Endpoint, eval);
        }
    }

    private static async Task ResetAsync(MovingSlot slot)
    {
        foreach (var node in slot.Cluster.Nodes)
            await node.SendAsync("CONFIG", "RESETSTAT");
    }

    // No command read a whole value, and none but MIGRATE took long.
    private static async Task AssertReadInPiecesAsync(MovingSlot slot)
    {
        foreach (var node in new[] { slot.Source, slot.Target })
        {
            foreach (var whole in new[] { "dump", "hgetall" })
                Assert.Equal((whole, 0L), (whole, await CallsAsync(node, whole)));
        }
    }

    private static async Task<long> CallsAsync(LocalNode node, string command)
    {
        var line = (await node.SendAsync("INFO", "commandstats")).Text.Split('\n')
            .FirstOrDefault(stats => stats.StartsWith("cmdstat_" + command + ":", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.Split("calls=")[1].Split(',')[0], CultureInfo.InvariantCulture);
    }
}
