using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>A key of an open slot that exists on both nodes: equal copies are merged, different ones are reported and kept.</summary>
public sealed class KeyConflictTests(SharedClusters clusters) : IClassFixture<SharedClusters>
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

    public static TheoryData<string, KeyConflictAction> Decisions
    {
        get
        {
            var all = new TheoryData<string, KeyConflictAction>();
            foreach (var server in Servers.RedisAndValkey)
            {
                // In the short proof each decision has one server.
                if (Servers.IsTaken(server.Data, 1))
                    all.Add(server.Data, KeyConflictAction.KeepInUse);
                if (Servers.IsTaken(server.Data, 2))
                    all.Add(server.Data, KeyConflictAction.KeepOther);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Decisions))]
    public async Task The_overwritten_value_is_saved_and_is_restored_byte_for_byte(string server, KeyConflictAction action)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key(OddName);
        await slot.OnSourceAsync("HSET", key, OddName, "source", "more", OddName);
        await slot.OnSourceAsync("PEXPIRE", key, 500_000);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, OddName, "PX", 900_000);
        var (mine, theirs) = (await slot.SourceCopyAsync(key), await slot.TargetCopyAsync(key));
        var (winner, loser) = action == KeyConflictAction.KeepInUse ? (mine, theirs) : (theirs, mine);

        var result = await slot.CompletedAsync(new MoveOptions { OnKeyConflict = action, JournalPath = saved.Folder });

        Assert.Equal(1, result.KeysConflicting);
        (await slot.TargetCopyAsync(key)).AssertSameAs(winner);
        Assert.Equal(SideCopy.None, await slot.SourceCopyAsync(key));
        var file = Assert.Single(saved.Saved);
        Assert.StartsWith(saved.Folder + Path.DirectorySeparatorChar, file);
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
            Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(file) & Others);
            Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.GetDirectoryName(file)!) & Others);
        }

        Assert.DoesNotContain(result.Reason!, char.IsControl);
        using var core = new RedisCluster(slot.Session);
        var refused = await Assert.ThrowsAsync<RedisOperationException>(() => core.RestoreKeyAsync(file, false, saved.Folder, default));
        Assert.Equal(FailureCode.KeyExistsOnTarget, refused.Code);
        (await slot.TargetCopyAsync(key)).AssertSameAs(winner);
        var restored = await saved.RestoreAsync(slot, result.Reason);
        Assert.Equal((slot.Target.Endpoint.ToString(), loser.ExpiresAt > 0), (restored.Node, restored.TimeToLive is not null));
        (await slot.TargetCopyAsync(key)).AssertSameAs(loser);
        // The value that was replaced is saved, too.
        await core.RestoreKeyAsync(Assert.Single(saved.Saved, other => other != file), true, saved.Folder, default);
        (await slot.TargetCopyAsync(key)).AssertSameAs(winner);
        Assert.Contains("errors: 0, replies: 1", await SavedValueFile.SendAsync(file, slot.Target.Endpoint));
        (await slot.TargetCopyAsync(key)).AssertSameAs(loser);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_run_that_fails_later_reports_the_files_of_overwritten_values(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var keys = new[] { slot.Key("a"), slot.Key("b") };
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, "mine");
        await slot.OpenAsync();
        foreach (var key in keys)
            await slot.OnTargetAsync("SET", key, "theirs");
        var replaces = 0;
        try
        {
            var outcome = await slot.CompleteAsync(
                async (_, commands) =>
                {
                    if (commands[0].ToString().Contains(" REPLACE ") && ++replaces == 2)
                        await slot.Target.SendAsync("CONFIG", "SET", "maxmemory", 1, "maxmemory-policy", "noeviction");
                },
                new MoveOptions { BatchSize = 1, OnKeyConflict = KeyConflictAction.KeepInUse, JournalPath = saved.Folder });
            Assert.Equal(FailureCode.TargetOutOfMemory, outcome.Failure!.Code);
            Assert.Contains(slot.Target.Endpoint.ToString(), outcome.Failure.Message);
            Assert.Equal(2, saved.Saved.Length);
            Assert.All(saved.Saved, file => Assert.Contains(file, outcome.Result.Reason));
        }
        finally
        {
            await slot.Target.SendAsync("CONFIG", "SET", "maxmemory", 0);
        }

        var values = await Task.WhenAll(keys.Select(key => slot.OnTargetAsync("GET", key)));
        Assert.Equal(["mine", "theirs"], values.Select(value => value.Text).Order());
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_value_that_cannot_be_written_to_a_file_is_not_overwritten(string server)
    {
        using var saved = new SavedValueFile();
        Directory.CreateDirectory(saved.Folder);
        await File.WriteAllTextAsync(saved.Conflicts, "a file where the folder should be");
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("k");
        await slot.OnSourceAsync("SET", key, "mine");
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, "theirs");
        foreach (var action in new[] { KeyConflictAction.KeepInUse, KeyConflictAction.KeepOther })
        {
            var failure = await slot.FailsAsync(
                FailureCode.KeyExistsOnTarget, new MoveOptions { OnKeyConflict = action, JournalPath = saved.Folder });
            Assert.Contains("can't be saved", failure.Message);
            Assert.Contains("-JournalPath", failure.NextStep());
            Assert.Equal("mine", (await slot.OnSourceAsync("GET", key)).Text);
            Assert.Equal("theirs", (await slot.OnTargetAsync("GET", key)).Text);
        }
    }

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

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task The_saved_file_has_every_write_to_the_overwritten_copy(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("counter");
        await slot.OnSourceAsync("SET", key, 0);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, 1_000_000);
        var acknowledged = 0L;
        using var ended = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            using var client = slot.Cluster.Client();
            while (!ended.IsCancellationRequested)
            {
                Assert.False((await client.AskAsync(key, RespCommand.Of("INCR", key))).IsError);
                Interlocked.Increment(ref acknowledged);
                await Task.Delay(30);
            }
        });
        await UntilAcknowledgedAsync(3);

        var result = await slot.CompletedAsync(
            new MoveOptions { OnKeyConflict = KeyConflictAction.KeepOther, JournalPath = saved.Folder });

        await UntilAcknowledgedAsync(Interlocked.Read(ref acknowledged) + 3);
        await ended.CancelAsync();
        await writing;
        var kept = long.Parse((await slot.OnTargetAsync("GET", key)).Text);
        Assert.Single(saved.Saved);
        Assert.Single(Regex.Matches(result.Reason!, "To put it back"));
        await saved.RestoreAsync(slot, result.Reason);
        var lost = long.Parse((await slot.OnTargetAsync("GET", key)).Text);
        Assert.InRange(lost, 1, acknowledged);
        Assert.Equal(acknowledged, kept - 1_000_000 + lost);

        Task UntilAcknowledgedAsync(long writes) =>
            KillScene.UntilAsync(() => Task.FromResult(Interlocked.Read(ref acknowledged) >= writes || writing.IsCompleted));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_copy_under_constant_writes_is_deleted_completely_or_not_at_all(string server)
    {
        using var saved = new SavedValueFile();
        var slot = await clusters.SlotAsync(server);
        var key = slot.Key("counter");
        await slot.OnSourceAsync("SET", key, 0);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", key, 1_000_000);
        var acknowledged = 0L;
        using var ended = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            using var client = slot.Cluster.Client();
            while (!ended.IsCancellationRequested)
            {
                Assert.False((await client.AskAsync(key, RespCommand.Of("INCR", key))).IsError);
                acknowledged++;
            }
        });

        var outcome = await slot.CompleteAsync(
            new MoveOptions { OnKeyConflict = KeyConflictAction.KeepOther, JournalPath = saved.Folder });

        await ended.CancelAsync();
        await writing;
        if (outcome.Failure is { } failure)
        {
            Assert.Equal(FailureCode.KeyExistsOnTarget, failure.Code);
            Assert.Equal(acknowledged, long.Parse((await slot.OnSourceAsync("GET", key)).Text));
            Assert.Equal("1000000", (await slot.OnTargetAsync("GET", key)).Text);
            // Nothing was overwritten, so nothing was saved.
            Assert.Empty(saved.Saved);
        }
        else
        {
            var kept = long.Parse((await slot.OnTargetAsync("GET", key)).Text);
            await saved.RestoreAsync(slot, outcome.Result.Reason);
            Assert.Equal(acknowledged, kept - 1_000_000 + long.Parse((await slot.OnTargetAsync("GET", key)).Text));
        }
    }

    [Fact]
    public async Task A_value_of_another_database_is_restored_into_that_database()
    {
        using var saved = new SavedValueFile();
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, masters: 2, with: options => options with { ConfigLines = ["cluster-databases 4"] });
        var slot = new MovingSlot(cluster, 7);
        var key = slot.Key("k");
        await SetAsync(slot.Source, "source");
        await slot.OpenAsync();
        await SetAsync(slot.Target, "target");

        var result = await slot.CompletedAsync(
            new MoveOptions { OnKeyConflict = KeyConflictAction.KeepInUse, JournalPath = saved.Folder });

        Assert.Equal(("source", "(null)"), (await GetAsync(3), await GetAsync(0)));
        await saved.RestoreAsync(slot, result.Reason);
        Assert.Equal(("target", "(null)"), (await GetAsync(3), await GetAsync(0)));

        async Task SetAsync(LocalNode node, string value)
        {
            using var connection = await node.ConnectAsync();
            var replies = await connection.SendAsync(
                [RespCommand.Of("SELECT", 3), RespCommand.Of("ASKING"), RespCommand.Of("SET", key, value)], null, default);
            Assert.Equal("OK", replies[2].Text);
        }

        async Task<string> GetAsync(int database)
        {
            using var connection = await slot.Target.ConnectAsync();
            var reply = (await connection.SendAsync([RespCommand.Of("SELECT", database), RespCommand.Of("GET", key)], null, default))[1];
            return reply.IsNull ? "(null)" : reply.Text;
        }
    }
}
