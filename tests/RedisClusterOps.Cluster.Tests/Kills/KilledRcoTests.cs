using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>
/// rco is killed with SIGKILL at random moments, from its start to its end, and somebody goes on: by rco resume, or by the same command
/// again, and sometimes after the journal is lost. No key is lost, no flag stays, no key is astray.
/// </summary>
public sealed class KilledRcoTests(KilledRcoTests.Scenes scenes) : IClassFixture<KilledRcoTests.Scenes>
{
    // Over all works and servers three hundred kills in the full proof.
    private static readonly int Trials = KillCase.IsFullProof ? 20 : 1;

    public static TheoryData<string, Work> Cases
    {
        get
        {
            var cases = new TheoryData<string, Work>();
            foreach (var server in Servers.RedisAndValkey)
            {
                foreach (var work in Enum.GetValues<Work>())
                    cases.Add(server.Data, work);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Killed_at_any_moment_it_is_gone_on_with_to_the_end(string server, Work work)
    {
        var scene = await scenes.OfAsync(server);
        var usual = await UndisturbedAsync(scene, work);
        var first = Random.Shared.Next(10);
        var moments = new List<string>();
        var wrong = new List<string>();
        for (var trial = 0; trial < Trials; trial++)
        {
            // One moment in each part of the run, and some after it. In its first fifth the runtime starts.
            var moment = usual * (0.2 + (0.9 * (trial + Random.Shared.NextDouble()) / Trials));
            var goingOn = KillCase.OfTrial(first + trial);
            var trace = "trial " + trial + ", killed after " + (int)moment.TotalMilliseconds + " of " + (int)usual.TotalMilliseconds + " ms, then " + goingOn;
            try
            {
                var where = await KillAsync(scene, work, moment);
                moments.Add(where);
                trace += "; it was " + where;
                await GoOnAsync(scene, work, goingOn);
            }
            catch (Exception failure) when (failure is XunitException or RedisOperationException or TimeoutException)
            {
                trace += ": " + failure.Message;
                wrong.Add(trace);
            }

            TestContext.Current.TestOutputHelper!.WriteLine(trace);
        }

        foreach (var group in moments.GroupBy(where => where).OrderByDescending(group => group.Count()))
            TestContext.Current.TestOutputHelper!.WriteLine("{0} {1}: {2} x {3}", server, work, group.Count(), group.Key);
        Assert.Empty(wrong);
    }

    // How long it takes, measured where it also has to be right.
    private static async Task<TimeSpan> UndisturbedAsync(KillScene scene, Work work)
    {
        await scene.BeginAsync(work);
        var clock = Stopwatch.StartNew();
        using var rco = scene.Start(work, PaceOf(work));
        (await rco.EndAsync()).AssertEnded(0);
        var usual = clock.Elapsed;
        await scene.AssertInOrderAsync(work.GoesHome() ? scene.Source : scene.Target);
        return usual;
    }

    /// <returns>Where the run was, as the journal and the nodes tell.</returns>
    private static async Task<string> KillAsync(KillScene scene, Work work, TimeSpan moment)
    {
        await scene.BeginAsync(work);
        using var rco = scene.Start(work, PaceOf(work));
        await Task.Delay(moment);
        var killed = await rco.KillAsync();
        var run = scene.Runs().SingleOrDefault();
        var phase = !killed ? "through" : run is null ? "reading" : run.Slots.All(slot => slot.Outcome is null) ? "at work" : "ending";
        if (!killed)
            Assert.Equal(MigrationState.Completed, run!.State);
        else if (run is not null)
            Assert.Contains(run.State, new[] { MigrationState.Interrupted, MigrationState.Completed });
        return phase + ", slot the " + await scene.WhereAsync();
    }

    private static async Task GoOnAsync(KillScene scene, Work work, GoingOn goingOn)
    {
        var before = scene.Runs().SingleOrDefault();
        // Of a run that wrote nothing down nobody would resume anything.
        if (before is null && goingOn == GoingOn.Resume)
            goingOn = GoingOn.SameCommand;
        if (goingOn.LosesJournal())
            scene.LoseJournal();
        using var rco = goingOn is GoingOn.Resume or GoingOn.ResumeWithoutJournal ? scene.Resume() : scene.Start(work);
        var run = await rco.EndAsync();
        // From flags alone a resume leaves keys that are astray to a repair, and says so.
        if (goingOn == GoingOn.ResumeWithoutJournal && run.ExitCode == 1 && run.Errors.Contains("is StrayKeys", StringComparison.Ordinal))
            run = await scene.RunAsync([.. run.Next().TakeWhile(word => word.Length > 0)]);
        run.AssertEnded(0);
        // Where there was nothing left to do nobody waited for what the nodes tell each other.
        if (run.Objects().All(result => result.GetProperty("Outcome").GetString() == "Skipped"))
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.AssertInOrderAsync(
            !goingOn.KnowsItsEnd(work) ? [scene.Source, scene.Target] : work.GoesHome() ? [scene.Source] : [scene.Target]);
        Assert.All(scene.Runs().Where(known => known.Id != before?.Id), later => Assert.Equal(MigrationState.Completed, later.State));
        // Of a run that was killed between its last slot's end and its own nothing is left, either.
        Assert.True(goingOn.LosesJournal() || !scene.Runs()[0].IsResumable, "The journal says: " + string.Join("; ", scene.Runs()));
        // Only the journal knew that the undo had set it: without one nobody may take it back.
        await AssertStillMastersAsync(scene, mayBeKept: work == Work.Undo && goingOn.LosesJournal() ? scene.Target : null);
    }

    // A master that was emptied on the way must not have become a replica, and what was set against that must not stay.
    private static async Task AssertStillMastersAsync(KillScene scene, LocalNode? mayBeKept)
    {
        foreach (var node in scene.Cluster.Nodes)
        {
            Assert.True((await TestCluster.OwnLineOfAsync(node)).IsMaster, node.Endpoint + " is a replica now.");
            var setting = (await node.SendAsync("CONFIG", "GET", "cluster-allow-replica-migration")).Items[1].Text;
            Assert.True(setting == "yes" || node == mayBeKept, node.Endpoint + " was left with cluster-allow-replica-migration " + setting + ".");
        }
    }

    // Half a second for each way.
    private static int PaceOf(Work work) => work == Work.Undo ? 60_000 : 24_000;

    /// <summary>A cluster of each server for all works: every trial begins with no keys, and with a slot that nobody used.</summary>
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
