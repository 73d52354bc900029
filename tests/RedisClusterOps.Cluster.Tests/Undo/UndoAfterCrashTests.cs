using System;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Crashes;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Undo;

/// <summary>
/// Our process dies at its first, second, third … send of an undo: on the way forward or on the way back. Undone again, the slot ends at
/// the master that it came from with every key, whether the journal tells which one that was or, where it is lost, a person does.
/// </summary>
[Collection(nameof(UndoCrashClusters))]
public sealed class UndoAfterCrashTests(SharedClusters clusters)
{
    private const int Keys = 20;

    // Every moment takes minutes over all servers, so a usual run takes every twelfth, from another one on in each case. RCO_PROOF=full takes them all.
    private static readonly int Step = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 1 : 12;

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
                    foreach (var death in new[] { Death.BeforeSending, Death.AfterTheServerDidIt })
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
    public async Task Undoing_again_after_a_crash_brings_every_key_home(string server, UndoStrategy strategy, Death death, bool journalIsKept)
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
                // A round trip hides nothing at any moment, also while nobody has come back yet.
                if (strategy == UndoStrategy.RoundTrip)
                    await scene.AssertKeysAsync();
                await UndoWhatIsLeftAsync(scene, strategy, journalIsKept ? journal : null);
                // Where the dead one had come to the end, nobody waited for what the nodes tell each other.
                await scene.Cluster.Cluster.WaitUntilAgreedAsync();
                await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
            }
            finally
            {
                Directory.Delete(journal, recursive: true);
            }
        }

        // Reading the nodes, the flags, the keys, two hand-overs, the proof: fewer sends would mean that the run was not looked at.
        Assert.True(sends > 20 + Step, "The run was through before it had sent " + (sends - Step) + " times.");
    }

    private static async Task UndoWhatIsLeftAsync(SlotScene scene, UndoStrategy strategy, string? journal)
    {
        // The dead process' files are all there is of it: a folder of a new one is a lost journal.
        var folder = journal ?? Directory.CreateTempSubdirectory("redisclusterops-lost-").FullName;
        var options = new MoveOptions { JournalPath = folder };
        // With the journal the same bare line does it; without, who it came from and where it went has to be said.
        var (source, target) = journal is null ? (scene.Source.Id, scene.Target.Id) : (null, (string?)null);
        using var core = scene.Core();
        try
        {
            var outcome = await core.CarryOutAsync(await core.PlanUndoAsync(scene.Slot, source, target, strategy, false, options, default), default);
            Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
            Assert.Contains(outcome.Result.Outcome, new[] { MigrationOutcome.RolledBack, MigrationOutcome.Skipped });
            // Where there was nothing left to do nobody waited for what the nodes tell each other.
            if (outcome.Result.Outcome == MigrationOutcome.Skipped)
                await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        }
        catch (RedisOperationException closed) when (journal is not null && closed.Code == FailureCode.SlotNotOpen)
        {
            // It had come so far that nothing was left but what the nodes tell each other; AssertClosed says whether that is so.
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
            // Small batches, so that there are several to die between.
            var options = new MoveOptions { BatchSize = 5, JournalPath = journal };
            var outcome = await core.CarryOutAsync(await core.PlanUndoAsync(scene.Slot, null, null, strategy, false, options, default), default);
            Assert.Equal(MigrationOutcome.RolledBack, outcome.Result.Outcome);
        }
        catch (ProcessDiedException)
        {
            Assert.True(connector.HasDied);
        }

        return connector.HasDied;
    }
}
