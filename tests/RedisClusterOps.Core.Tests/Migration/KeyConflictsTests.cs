using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>A copy that changes during its deletion is saved again. The file of the first attempt may be impossible to delete.</summary>
public sealed class KeyConflictsTests : IDisposable
{
    private static readonly byte[] Key = Encoding.ASCII.GetBytes("key");
    private static readonly string[] Lines =
    [
        TestJournal.NodeA + " 10.0.0.1:6379@16379 master - 0 0 1 connected 0-16383 [7->-" + TestJournal.NodeB + "]",
        TestJournal.NodeB + " 10.0.0.2:6379@16379 master - 0 0 2 connected [7-<-" + TestJournal.NodeA + "]",
    ];

    private readonly TestJournal _journal = new();
    private int _transactions;

    [Fact]
    public async Task A_missing_folder_of_saved_values_between_two_attempts_is_no_failure()
    {
        var (tally, _) = await SettleAsync(path => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true));
        Assert.Single(tally.Notes);
        Assert.Equal(2, _transactions);
    }

    [Fact]
    public async Task An_outdated_saved_value_that_cannot_be_deleted_is_a_warning_that_names_the_file()
    {
        string? stuck = null;
        var (tally, warnings) = await SettleAsync(path =>
        {
            stuck = path;
            File.Delete(path);
            Directory.CreateDirectory(path);
        });
        Assert.Single(tally.Notes);
        Assert.DoesNotContain(stuck!, tally.Notes[0], StringComparison.Ordinal);
        Assert.Single(
            warnings,
            warning => warning.Contains(stuck!, StringComparison.Ordinal) && warning.Contains("outdated", StringComparison.Ordinal));
    }

    public void Dispose() => _journal.Dispose();

    private async Task<(KeyTally Tally, IReadOnlyList<string> Warnings)> SettleAsync(Action<string> onFirstAttempt)
    {
        var nodes = new ScriptedNodes()
            .Node("10.0.0.1:6379", command => Answer(command, 0, "mine", onFirstAttempt))
            .Node("10.0.0.2:6379", command => Answer(command, 1, "theirs", onFirstAttempt));
        using var connections = new ClusterConnections(nodes);
        var session = RedisClusterSession.Parse("10.0.0.1:6379");
        var reader = new ClusterReader(session, connections);
        var view = await reader.ReadAsync(null, default);
        var options = new MoveOptions { JournalPath = _journal.Folder.Path, OnKeyConflict = KeyConflictAction.KeepOther };
        var (source, target) = (view.Node(TestJournal.NodeA)!, view.Node(TestJournal.NodeB)!);
        var request = MigrateCommand.From(session, options, source, target);
        var move = new MoveKeys(7, source, target, request, 1) { OnConflict = KeyConflictAction.KeepOther };
        using var stop = new StopRequest(SystemClock.Instance, default);
        using var log = new OperationLog();
        var tally = new KeyTally();
        var channel = new SlotChannel(reader, move, stop);
        await new KeyConflicts(channel, move, options, tally, log, stop, (_, _) => Task.CompletedTask).SettleAsync([Key]);
        var warnings = new List<string>();
        while (log.TryTake(out var taken, TimeSpan.Zero))
        {
            if (taken!.Kind == OperationEventKind.Warning)
                warnings.Add(taken.Message);
        }

        return (tally, warnings);
    }

    private RespValue Answer(RespCommand command, int self, string value, Action<string> onFirstAttempt)
    {
        switch (command.ToString().Split(' ')[0])
        {
            case "CLUSTER" when command.ToString() == "CLUSTER NODES":
                return RespValue.Bulk(
                    string.Join('\n', Lines.Select((line, i) => i == self ? line.Replace(" master", " myself,master") : line)) + "\n");
            case "CLUSTER":
                return RespValue.Bulk("cluster_state:ok\r\n");
            case "INFO":
                return RespValue.Bulk("redis_version:7.0.15\r\n");
            case "DUMP":
                return RespValue.Bulk(value);
            case "GET":
                return RespValue.Bulk(value);
            case "PTTL":
                return RespValue.Number(-1);
            case "TYPE":
                return RespValue.Simple("string");
            case "EXEC":
                if (++_transactions > 1)
                    return RespValue.Array([RespValue.Number(1)]);
                onFirstAttempt(Directory.GetFiles(_journal.Folder.Conflicts).Single());
                return RespValue.Null;
            default:
                return RespValue.Simple("OK");
        }
    }
}
