using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>
/// A process is killed with SIGKILL at random moments of its operation, from the first read to the exit. Then the run is resumed, or the
/// same command runs again, sometimes after the journal is lost. No key is lost, no flag stays, no key is stray.
/// </summary>
public sealed class KilledRunTests(KilledRunTests.Scenes scenes) : IClassFixture<KilledRunTests.Scenes>
{
    public static TheoryData<string, Work, Host> Cases
    {
        get
        {
            var cases = new TheoryData<string, Work, Host>();
            var servers = Servers.RedisAndValkey.Select(row => row.Data).ToList();
            foreach (var server in servers)
            {
                foreach (var work in Enum.GetValues<Work>())
                {
                    // In the short proof, each operation has one server for each host, and each server has some operations.
                    var turn = ((int)work + servers.IndexOf(server)) % servers.Count;
                    if (KillCase.IsFullProof || turn == 0)
                        cases.Add(server, work, Host.Driver);
                    if (KillCase.IsFullProof || (turn == servers.Count - 1 && work == Work.Undo))
                        cases.Add(server, work, Host.PowerShell);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task An_operation_that_is_killed_at_any_moment_is_recovered_without_loss(string server, Work work, Host host)
    {
        var output = TestContext.Current.TestOutputHelper!;
        var random = TestSeed.NewRandom();
        var scene = await scenes.OfAsync(server);
        var usual = await UndisturbedAsync(scene, work, host);
        var (trials, first) = (TrialsOf(host), random.Next(10));
        var moments = new List<string>();
        var wrong = new List<string>();
        for (var trial = 0; trial < trials; trial++)
        {
            // One moment in each part of the run, and some after it.
            var moment = usual * (1.05 * (trial + random.NextDouble()) / trials);
            var recovery = KillCase.RecoveryOf(first + trial);
            var trace = $"{server} {work} {host} trial {trial}, killed after {moment.TotalMilliseconds:0} "
                + $"of {usual.TotalMilliseconds:0} ms, then {recovery}";
            var clock = Stopwatch.StartNew();
            try
            {
                var where = await KillAsync(scene, work, host, moment);
                moments.Add(where);
                trace += "; it was " + where;
                // Every other run that died in PowerShell is also recovered there.
                await RecoverAsync(scene, work, recovery, trial % 2 == 0 ? host : Host.Driver);
            }
            catch (Exception failure) when (failure is XunitException or RedisOperationException or TimeoutException)
            {
                trace += ": " + failure.Message;
                wrong.Add(trace);
            }

            output.WriteLine(trace + ", " + clock.ElapsedMilliseconds + " ms");
        }

        foreach (var group in moments.GroupBy(where => where).OrderByDescending(group => group.Count()))
            output.WriteLine("{0} {1} {2}: {3} x {4}", server, work, host, group.Count(), group.Key);
        Assert.Empty(wrong);
    }

    // Over all operations and servers, 300 kills of the driver and 45 of PowerShell in the full proof.
    private static int TrialsOf(Host host) => (KillCase.IsFullProof, host) switch
    {
        (true, Host.Driver) => 20,
        (true, Host.PowerShell) => 3,
        (false, Host.Driver) => 2,
        _ => 1,
    };

    // Measures the duration of the operation, which has to succeed.
    private static async Task<TimeSpan> UndisturbedAsync(KillScene scene, Work work, Host host)
    {
        await scene.BeginAsync(work);
        using var process = await scene.StartAsync(work, PaceOf(work), host);
        var clock = Stopwatch.StartNew();
        (await process.EndAsync()).AssertExited(0);
        var usual = clock.Elapsed;
        await scene.AssertConsistentAsync(work.EndsAtSource() ? scene.Source : scene.Target);
        return usual;
    }

    /// <returns>The progress of the run, by the journal and by the nodes.</returns>
    private static async Task<string> KillAsync(KillScene scene, Work work, Host host, TimeSpan moment)
    {
        await scene.BeginAsync(work);
        using var process = await scene.StartAsync(work, PaceOf(work), host);
        await Task.Delay(moment);
        var killed = await process.KillAsync();
        var run = scene.Runs().SingleOrDefault();
        var phase = !killed ? "finished" : run is null ? "reading" : run.Slots.All(slot => slot.Outcome is null) ? "moving" : "ending";
        if (!killed)
            Assert.Equal(MigrationState.Completed, run!.State);
        else if (run is not null)
            Assert.Contains(run.State, new[] { MigrationState.Interrupted, MigrationState.Completed });
        return phase + ", slot " + await scene.WhereAsync();
    }

    private static async Task RecoverAsync(KillScene scene, Work work, Recovery recovery, Host host)
    {
        var before = scene.Runs().SingleOrDefault();
        // A run that is not in the journal can't be resumed.
        if (before is null && recovery == Recovery.Resume)
            recovery = Recovery.SameCommand;
        if (recovery.LosesJournal())
            scene.LoseJournal();
        var end = recovery == Recovery.Resume ? await scene.ResumeAsync(host)
            : await scene.RunAsync(recovery == Recovery.RepairWithoutJournal ? Work.Repair : work, host);
        end.AssertExited(0);
        // A run that finds nothing to do does not wait for gossip.
        if (end.Results.All(result => result.Outcome == MigrationOutcome.Skipped))
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.AssertConsistentAsync(
            !recovery.KnowsDirection(work) ? [scene.Source, scene.Target] : work.EndsAtSource() ? [scene.Source] : [scene.Target]);
        Assert.All(scene.Runs().Where(known => known.Id != before?.Id), later => Assert.Equal(MigrationState.Completed, later.State));
        // A run that was killed after its last slot but before its own end is not resumable either.
        Assert.True(recovery.LosesJournal() || !scene.Runs()[0].IsResumable, "The journal says: " + string.Join("; ", scene.Runs()));
        // Only the journal knew that the undo had changed the setting; without it, the setting stays.
        await AssertStillMastersAsync(scene, mayBeKept: work == Work.Undo && recovery.LosesJournal() ? scene.Target : null);
    }

    // A master that was emptied on the way must not have become a replica, and the setting that prevents that must not stay.
    private static async Task AssertStillMastersAsync(KillScene scene, LocalNode? mayBeKept)
    {
        foreach (var node in scene.Cluster.Nodes)
        {
            Assert.True((await TestCluster.OwnLineOfAsync(node)).IsMaster, node.Endpoint + " became a replica.");
            var setting = (await node.SendAsync("CONFIG", "GET", "cluster-allow-replica-migration")).Items[1].Text;
            Assert.True(
                setting == "yes" || node == mayBeKept, node.Endpoint + " was left with cluster-allow-replica-migration " + setting + ".");
        }
    }

    // Half a second for each direction.
    private static int PaceOf(Work work) => work == Work.Undo ? 60_000 : 24_000;

    /// <summary>A cluster of each server for all operations: every trial begins without keys, in a slot that no trial has used.</summary>
    public sealed class Scenes : IAsyncDisposable
    {
        private readonly Dictionary<string, KillScene> _scenes = [];

        internal async Task<KillScene> OfAsync(string server)
        {
            if (!_scenes.TryGetValue(server, out var scene))
                _scenes[server] = scene = await KillScene.StartAsync(server);
            return scene;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var scene in _scenes.Values)
                await scene.DisposeAsync();
        }
    }
}
