using System;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Kills;

/// <summary>The master that is killed.</summary>
public enum Victim
{
    /// <summary>The migration's source.</summary>
    Source,

    /// <summary>The migration's target.</summary>
    Target,

    /// <summary>A master that the migration does not concern.</summary>
    Third,
}

/// <summary>
/// A master with an append-only file is killed with SIGKILL during an operation and restarted: the operation is resumed, and nothing is
/// lost.
/// </summary>
public sealed class KilledNodeTests
{
    // In the short proof one node dies, a different one by the seed.
    private static readonly int Trials = KillCase.IsFullProof ? 9 : 1;

    // NodeFailureTests kills nodes of a completion, so only the full proof does it here.
    public static TheoryData<string, Work> Cases
    {
        get
        {
            var cases = new TheoryData<string, Work>();
            foreach (var server in Servers.RedisAndValkey.Where(KillCase.IsTaken))
            {
                foreach (var work in KillCase.IsFullProof ? Enum.GetValues<Work>() : [Work.RepairStrays])
                    cases.Add(server.Data, work);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_master_that_dies_during_the_operation_and_is_restarted_loses_no_key(string server, Work work)
    {
        var random = TestSeed.NewRandom();
        await using var scene = await KillScene.StartAsync(
            server, options => options with { AppendOnly = true, ConfigLines = ["appendfsync always"] });
        var first = random.Next(3);
        for (var trial = 0; trial < Trials; trial++)
        {
            var victim = (Victim)((first + trial) % 3);
            await scene.BeginAsync(work);
            var node = victim switch { Victim.Source => scene.Source, Victim.Target => scene.Target, _ => scene.Cluster.Node(1) };
            using var process = await scene.StartAsync(work, keysPerSecond: 12_000);
            await scene.UntilKeysMoveAsync();
            await Task.Delay(random.Next(work == Work.Undo ? 2_000 : 600));
            var where = await scene.WhereAsync();
            node.Kill();

            var end = await process.EndAsync();
            // An operation that does not need the dead node finishes. One that needs it names it, unless it had finished before.
            if (end.ExitCode != 0)
            {
                end.AssertExited(1);
                Assert.Contains(end.Failures, failure => failure.Text.Contains(node.Endpoint.ToString(), StringComparison.Ordinal));
            }

            await node.RestartAsync();
            await scene.Cluster.Cluster.WaitUntilAgreedAsync();
            if (end.ExitCode != 0)
                (trial % 2 == 0 ? await scene.ResumeAsync() : await scene.RunAsync(work)).AssertExited(0);

            TestContext.Current.TestOutputHelper!.WriteLine(
                "{0} {1}: the {2} died while the slot was {3}; exit status {4}", server, work, victim, where, end.ExitCode);
            await scene.AssertConsistentAsync(work.EndsAtSource() ? scene.Source : scene.Target);
        }
    }
}
