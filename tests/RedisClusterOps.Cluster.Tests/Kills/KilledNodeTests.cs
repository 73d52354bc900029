using System.Linq;
using System;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>Which master is killed.</summary>
public enum Victim
{
    /// <summary>The one that the migration started from.</summary>
    Source,

    /// <summary>The one that it was going to.</summary>
    Target,

    /// <summary>One that has nothing to do with it.</summary>
    Third,
}

/// <summary>A master that keeps its keys on the disk is killed with SIGKILL while rco works, and started again: somebody goes on, and nothing is lost.</summary>
public sealed class KilledNodeTests
{
    private static readonly int Rounds = KillCase.IsFullProof ? 3 : 1;

    // Completing has tests of its own for a dead end; here it is for the full proof.
    public static TheoryData<string, Work> Cases
    {
        get
        {
            var cases = new TheoryData<string, Work>();
            foreach (var server in Servers.RedisAndValkey.Where(KillCase.IsTaken))
            {
                foreach (var work in KillCase.IsFullProof ? Enum.GetValues<Work>() : [Work.Undo, Work.RepairStrays])
                    cases.Add(server.Data, work);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_master_that_dies_in_the_middle_and_comes_back_has_lost_nothing(string server, Work work)
    {
        await using var scene = await KillScene.StartAsync(server, options => options with { AppendOnly = true, ConfigLines = ["appendfsync always"] });
        for (var trial = 0; trial < Rounds * 3; trial++)
        {
            var victim = (Victim)(trial % 3);
            await scene.BeginAsync(work);
            var node = victim switch { Victim.Source => scene.Source, Victim.Target => scene.Target, _ => scene.Cluster.Node(1) };
            using var rco = scene.Start(work, keysPerSecond: 12_000);
            await scene.UntilAtWorkAsync();
            await Task.Delay(Random.Shared.Next(work == Work.Undo ? 2_000 : 600));
            var where = await scene.WhereAsync();
            node.Kill();

            var run = await rco.EndAsync();
            // Who does not need the dead one gets through. Who does need it says so, unless it was through already.
            if (run.ExitCode != 0)
            {
                run.AssertEnded(1);
                Assert.Contains(run.ErrorLines, line => line.StartsWith("error: ", StringComparison.Ordinal) && line.Contains(node.Endpoint.ToString(), StringComparison.Ordinal));
            }

            await node.RestartAsync();
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
            if (run.ExitCode != 0)
            {
                using var again = trial % 2 == 0 ? scene.Resume() : scene.Start(work);
                (await again.EndAsync()).AssertEnded(0);
            }

            TestContext.Current.TestOutputHelper!.WriteLine("{0} {1}: the {2} died while the slot was the {3}; exit status {4}", server, work, victim, where, run.ExitCode);
            await scene.AssertInOrderAsync(work.GoesHome() ? scene.Source : scene.Target);
        }
    }
}
