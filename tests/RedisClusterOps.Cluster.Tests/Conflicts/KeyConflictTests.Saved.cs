using System;
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

// A decided conflict: the value that loses is saved first. The same class, so that its tests share their clusters.
public sealed partial class KeyConflictTests
{
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
