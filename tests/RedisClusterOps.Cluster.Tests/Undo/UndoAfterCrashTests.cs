using System;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Crashes;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Undo;

/// <summary>
/// Our process dies at the first, second, third … send of an undo, on the way forward or on the way back. A second undo returns the slot
/// to its original owner with every key. The journal names that owner, or the caller does if the journal is lost.
/// </summary>
[Collection(nameof(UndoCrashClusters))]
public sealed class UndoAfterCrashTests(SharedClusters clusters)
{
    private const int Keys = 20;

    // All moments on all servers take minutes. A short proof tests every thirtieth, with a different offset in each case. RCO_PROOF=full
    // tests all.
    private static readonly int Step = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 1 : 30;

    public static TheoryData<string, UndoStrategy, Death, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, UndoStrategy, Death, bool>();
            foreach (var server in Servers.RedisAndValkey)
            {
                var index = 0;
                foreach (var strategy in new[] { UndoStrategy.RoundTrip, UndoStrategy.PullBack })
                {
                    foreach (var death in new[] { Death.BeforeSending, Death.AfterExecution })
                    {
                        foreach (var journalIsKept in new[] { true, false })
                        {
                            if (Servers.IsTaken(server.Data, index++))
                                cases.Add(server.Data, strategy, death, journalIsKept);
                        }
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_second_undo_after_a_crash_returns_every_key(string server, UndoStrategy strategy, Death death, bool journalIsKept)
    {
        var died = true;
        var sends = DyingConnector.FirstMoment(Step, server, strategy, death, journalIsKept);
        for (; died; sends += Step)
        {
            var scene = await clusters.SceneAsync(server);
            await scene.WedgeAsync(Keys, moved: 7);
            var journal = Directory.CreateTempSubdirectory("redisclusterops-crash-").FullName;
            try
            {
                died = await UndoUntilDeathAsync(scene, strategy, journal, sends, death);
                // A round trip never hides a key, not even before the second undo.
                if (strategy == UndoStrategy.RoundTrip)
                    await scene.AssertKeysAsync();
                await UndoAgainAsync(scene, strategy, journalIsKept ? journal : null);
                // If the dead process had finished its work, gossip may still be under way.
                await scene.Cluster.Cluster.WaitUntilAgreedAsync();
                await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
            }
            finally
            {
                Directory.Delete(journal, recursive: true);
            }
        }

        // Reading nodes, flags and keys, two handovers and the verification take more sends than this. Fewer would mean that nothing was
        // tested.
        Assert.True(sends > 20 + Step, "The run finished with only " + (sends - Step) + " sends.");
    }

    private static async Task UndoAgainAsync(SlotScene scene, UndoStrategy strategy, string? journal)
    {
        // Only the files of the dead process remain. A new folder stands for a lost journal.
        var folder = journal ?? Directory.CreateTempSubdirectory("redisclusterops-lost-").FullName;
        var options = new MoveOptions { JournalPath = folder };
        // With the journal the same command is enough. Without it, source and target have to be named.
        var (source, target) = journal is null ? (scene.Source.Id, scene.Target.Id) : (null, (string?)null);
        using var core = scene.Core();
        try
        {
            var outcome = await core.CarryOutAsync(
                await core.PlanUndoAsync(scene.Slot, source, target, strategy, false, options, default), default);
            Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
            Assert.Contains(outcome.Result.Outcome, new[] { MigrationOutcome.RolledBack, MigrationOutcome.Skipped });
            // An undo with nothing left to do does not wait for gossip.
            if (outcome.Result.Outcome == MigrationOutcome.Skipped)
                await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        }
        catch (RedisOperationException closed) when (journal is not null && closed.Code == FailureCode.SlotNotOpen)
        {
            // Only gossip was left; AssertClosedAsync checks that.
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        }
        finally
        {
            if (journal is null)
                Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<bool> UndoUntilDeathAsync(SlotScene scene, UndoStrategy strategy, string journal, int sends, Death death)
    {
        var session = new RedisClusterSession([scene.Target.Endpoint], scene.Cluster.Connection);
        var connector = new DyingConnector(new NodeConnector(session.Options), sends, death);
        using var core = new RedisCluster(session, connector, null);
        try
        {
            // Small batches, so that the process can die between them.
            var options = new MoveOptions { BatchSize = 5, JournalPath = journal };
            var outcome = await core.CarryOutAsync(
                await core.PlanUndoAsync(scene.Slot, null, null, strategy, false, options, default), default);
            Assert.Equal(MigrationOutcome.RolledBack, outcome.Result.Outcome);
        }
        catch (ProcessDiedException)
        {
            Assert.True(connector.HasDied);
        }

        return connector.HasDied;
    }
}
