using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>
/// Keys on both ends of an open slot, and the restoring of a saved value. Node A owns every slot, and migrates the key's slot to node B.
/// </summary>
public sealed class KeyRestoreTests : IDisposable
{
    private const string A = "10.0.0.1:6379";
    private const string B = "10.0.0.2:6379";
    private static readonly byte[] Key = [0x00, 0xFF, .. "\r\n key"u8];
    private static readonly int Slot = HashSlot.Of(Key);

    private readonly TestJournal _journal = new();
    private readonly Dictionary<string, string> _values = [];
    private readonly List<string> _written = [];
    private bool _isOpen;

    [Theory]
    [InlineData(ServerEngine.Redis, 0, null)]
    [InlineData(ServerEngine.Valkey, 3, 500)]
    [InlineData(ServerEngine.Garnet, 0, null)]
    [InlineData(ServerEngine.Garnet, 0, 500)]
    public async Task A_saved_value_is_read_as_it_was_written(ServerEngine engine, int database, int? seconds)
    {
        var saved = await SavedValue.ReadAsync(await SaveAsync("dump", seconds, engine, database), default);
        Assert.Equal((database, "dump"), (saved.Database, Encoding.UTF8.GetString(saved.Dump)));
        Assert.Equal(Key, saved.Key);
        Assert.Equal(seconds is not null, saved.Expires is not null);
        if (saved.Expires is { } expires)
            Assert.InRange(expires, DateTime.UtcNow.AddSeconds(450), DateTime.UtcNow.AddSeconds(500));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not a value")]
    [InlineData("*1\r\n$8\r\nFLUSHALL\r\n")]
    [InlineData("*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n")]
    [InlineData("*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$1\r\nx\r\n")]
    [InlineData("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")]
    public async Task Any_other_file_is_refused_and_nothing_is_sent(string content)
    {
        var path = Path.Combine(_journal.Folder.Path, "file");
        Directory.CreateDirectory(_journal.Folder.Path);
        await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);
        var nodes = Nodes();
        using var redis = new RedisCluster(RedisClusterSession.Parse(A), nodes, null);
        var refused = await Assert.ThrowsAsync<RedisOperationException>(() => redis.RestoreKeyAsync(path, true, null, default));
        Assert.Equal((FailureCode.SavedValueUnusable, path), (refused.Code, refused.Subject));
        Assert.Empty(nodes.Asked);
    }

    [Fact]
    public async Task A_truncated_file_is_refused()
    {
        var path = await SaveAsync("dump", 500, ServerEngine.Garnet, 0);
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        foreach (var length in Enumerable.Range(1, bytes.Length - 1))
        {
            await File.WriteAllBytesAsync(path, bytes[..length], TestContext.Current.CancellationToken);
            // Without its last command, the file is that of a value without expiry, which is complete.
            if (SavedValueIsWhole(bytes, length))
                continue;
            var refused = await Assert.ThrowsAsync<RedisOperationException>(() => SavedValue.ReadAsync(path, default));
            Assert.Equal(FailureCode.SavedValueUnusable, refused.Code);
        }
    }

    [Fact]
    public async Task A_missing_key_is_restored_on_the_owner_with_the_time_that_is_left()
    {
        var restored = await RestoreAsync(await SaveAsync("lost", 500), replaces: false);
        Assert.Equal((Slot, A), (restored.Slot, restored.Node));
        Assert.Matches("^" + A + " RESTORE .* (49|50)\\d{4} <4 bytes>$", Assert.Single(_written));
    }

    [Fact]
    public async Task An_existing_key_is_kept_unless_it_may_be_replaced_and_its_value_is_saved_first()
    {
        _values[A] = "present";
        var path = await SaveAsync("lost", null);
        var refused = await Assert.ThrowsAsync<RedisOperationException>(() => RestoreAsync(path, replaces: false));
        Assert.Equal(FailureCode.KeyExistsOnTarget, refused.Code);
        Assert.EndsWith("It was not replaced.", refused.Message);
        Assert.StartsWith("Restore-RedisKey -Path " + path + " -Replace", NextActionText.Of(refused.Next!));
        Assert.Empty(_written);

        using var log = new OperationLog();
        await RestoreAsync(path, replaces: true, log);
        Assert.EndsWith(" 0 <4 bytes> REPLACE", Assert.Single(_written));
        Assert.True(log.TryTake(out var warning, TimeSpan.Zero));
        var kept = Assert.Single(Directory.GetFiles(_journal.Folder.Conflicts), file => file != path);
        Assert.EndsWith("To put it back: Restore-RedisKey -Path " + kept + " -Replace", warning!.Message);
        Assert.Equal("present", Encoding.UTF8.GetString((await SavedValue.ReadAsync(kept, default)).Dump));
    }

    [Fact]
    public async Task While_the_slot_migrates_a_key_that_the_owner_does_not_have_is_restored_on_the_target()
    {
        _isOpen = true;
        var restored = await RestoreAsync(await SaveAsync("lost", null), replaces: false);
        Assert.Equal(B, restored.Node);
        Assert.StartsWith(B + " RESTORE ", Assert.Single(_written));
    }

    [Fact]
    public async Task A_value_whose_time_is_over_is_refused_and_the_key_stays()
    {
        _values[A] = "present";
        var refused = await Assert.ThrowsAsync<RedisOperationException>(async () => await RestoreAsync(await SaveAsync("lost", -1), true));
        Assert.Equal(FailureCode.SavedValueUnusable, refused.Code);
        Assert.Contains("expired at", refused.Message);
        Assert.Empty(_written);
    }

    [Theory]
    [InlineData("same", true)]
    [InlineData("other", false)]
    public async Task A_key_on_both_ends_is_a_conflict_that_names_the_copy_in_use(string hidden, bool equal)
    {
        (_isOpen, _values[A], _values[B]) = (true, "same", hidden);
        using var redis = Open(null);
        var conflict = Assert.Single(await redis.GetKeyConflictsAsync(Slot, default));
        Assert.Equal((Slot, A, B, equal), (conflict.Slot, conflict.InUseOn, conflict.OtherOn, conflict.IsEqual));
        Assert.Equal(Key, conflict.RawName);
        Assert.Equal(("string", "string", 4L, (long)hidden.Length), (conflict.Type, conflict.OtherType, conflict.Size, conflict.OtherSize));
        Assert.StartsWith("Complete-RedisSlotMigration -Slot " + Slot + (equal ? "" : " -OnKeyConflict KeepInUse"), conflict.Advice);
        Assert.Empty(_written);
    }

    [Fact]
    public async Task A_key_on_one_end_is_no_conflict()
    {
        (_isOpen, _values[B]) = (true, "moved");
        using var redis = Open(null);
        Assert.Empty(await redis.GetKeyConflictsAsync(Slot, default));
    }

    [Fact]
    public async Task Without_one_end_the_conflicts_are_unknown_and_that_is_an_error()
    {
        (_isOpen, _values[A]) = (true, "x");
        var nodes = Nodes().Refuses(B, FailureCode.ConnectionFailed, "no answer");
        using var redis = new RedisCluster(RedisClusterSession.Parse(A), nodes, null);
        await Assert.ThrowsAsync<RedisOperationException>(() => redis.GetKeyConflictsAsync(Slot, default));
    }

    public void Dispose() => _journal.Dispose();

    private static bool SavedValueIsWhole(byte[] bytes, int length) =>
        Encoding.Latin1.GetString(bytes[length..]).StartsWith("*3\r\n$9\r\nPEXPIREAT", StringComparison.Ordinal);

    private Task<string> SaveAsync(string dump, int? seconds, ServerEngine engine = ServerEngine.Redis, int database = 0) =>
        SavedValue.WriteAsync(
            _journal.Folder,
            Slot,
            database,
            engine,
            Key,
            Encoding.UTF8.GetBytes(dump),
            seconds is { } left ? TimeSpan.FromSeconds(left) : null);

    private async Task<RedisSlotKey> RestoreAsync(string path, bool replaces, OperationLog? log = null)
    {
        using var redis = Open(log);
        return await redis.RestoreKeyAsync(path, replaces, _journal.Folder.Path, default);
    }

    private RedisCluster Open(OperationLog? log) =>
        new(RedisClusterSession.Parse(A), Nodes(), log) { NextActionText = NextActionText.Of };

    private ScriptedNodes Nodes() => new ScriptedNodes().Node(A, command => Answer(A, command)).Node(B, command => Answer(B, command));

    private RespValue Answer(string node, RespCommand command)
    {
        var has = _values.TryGetValue(node, out var value);
        // The owner of an open slot redirects a key that it does not have. B serves the slot only after ASKING, which comes before.
        var redirects = node == A && _isOpen && !has;
        switch (Encoding.ASCII.GetString(command.Arguments[0]))
        {
            case "CLUSTER":
                return OfCluster(node, command.ToString(), has);
            case "INFO":
                return RespValue.Bulk("redis_version:7.0.15\r\n");
            case "ASKING":
                return RespValue.Simple("OK");
            case "MEMORY":
                return has ? RespValue.Number(value!.Length) : RespValue.Null;
            case "EXISTS" or "DUMP" or "PTTL" or "TYPE" or "RESTORE" when redirects:
                return RespValue.Error("ASK " + Slot + " " + B);
            case "EXISTS":
                return RespValue.Number(has ? 1 : 0);
            case "DUMP":
                return has ? RespValue.Bulk(value!) : RespValue.Null;
            case "PTTL":
                return RespValue.Number(has ? -1 : -2);
            case "TYPE":
                return RespValue.Simple(has ? "string" : "none");
            case "STRLEN":
                return RespValue.Number(value?.Length ?? 0);
            case "GETRANGE":
                return RespValue.Bulk(value ?? string.Empty);
            case "RESTORE":
                _written.Add(node + " " + command);
                _values[node] = Encoding.UTF8.GetString(command.Arguments[3]);
                return RespValue.Simple("OK");
            default:
                return RespValue.Error("ERR unknown command " + command);
        }
    }

    private RespValue OfCluster(string node, string command, bool has)
    {
        if (command.StartsWith("CLUSTER COUNTKEYSINSLOT", StringComparison.Ordinal))
            return RespValue.Number(has ? 1 : 0);
        if (command.StartsWith("CLUSTER GETKEYSINSLOT", StringComparison.Ordinal))
            return RespValue.Array(has ? [RespValue.Bulk(Key)] : []);
        if (command != "CLUSTER NODES")
            return RespValue.Bulk("cluster_state:ok\r\n");
        var a = TestJournal.NodeA + " " + A + "@1 " + (node == A ? "myself,master" : "master") + " - 0 0 1 connected 0-16383"
            + (_isOpen && node == A ? " [" + Slot + "->-" + TestJournal.NodeB + "]" : string.Empty);
        var b = TestJournal.NodeB + " " + B + "@1 " + (node == B ? "myself,master" : "master") + " - 0 0 2 connected"
            + (_isOpen && node == B ? " [" + Slot + "-<-" + TestJournal.NodeA + "]" : string.Empty);
        return RespValue.Bulk(a + "\n" + b + "\n");
    }
}
