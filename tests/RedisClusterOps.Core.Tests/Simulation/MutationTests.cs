using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Tests the proof itself: it detects a core that breaks a law, and passes the same core with the law.</summary>
public class MutationTests(ITestOutputHelper output)
{
    private static readonly int Seeds = System.Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 20 : 8;

    // The laws of nodes that the simulation can break. It has one run at a time (law 20), and no limits of our own (law 22).
    private static readonly int[] NodeLaws = [.. Enumerable.Range(13, 7), 21, 23];

    public static TheoryData<int> Mutations => [.. Enumerable.Range(0, Mutation.All.Length)];

    [Theory]
    [MemberData(nameof(Mutations))]
    public void Breaking_a_law_violates_an_invariant_and_keeping_it_does_not(int index)
    {
        var mutation = Mutation.All[index];
        var caught = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var scene = SceneOf(mutation, seed);
            var kept = Checked(mutation, scene, Proof.Run(scene, mutation.On.Operation, scene.Cluster, mayStop: true));
            var description = mutation + " (unchanged core), seed " + seed + ": " + string.Join("; ", kept.Attempts);
            Assert.True(kept.Violations.Count == 0, description + "\n" + string.Join('\n', kept.Violations.Take(5)));

            scene = SceneOf(mutation, seed);
            var operation = mutation.Instead ?? mutation.On.Operation;
            var broken = Checked(
                mutation, scene, Proof.Run(scene, operation, mutation.Mutate(scene.Cluster), mutation.Mutate, mayStop: true));
            caught += broken.Violations.Any(violation => violation.StartsWith(mutation.Violates, System.StringComparison.Ordinal)) ? 1 : 0;
            if (seed == 1)
            {
                output.WriteLine(
                    mutation + ": " + string.Join("; ", broken.Attempts) + "\n  " + string.Join("\n  ", broken.Violations.Take(5)));
            }
        }

        output.WriteLine("detected in " + caught + " of " + Seeds);
        Assert.True(caught > Seeds / 2, mutation + " is detected in " + caught + " of " + Seeds + " runs.");
    }

    [Fact]
    public void Every_law_has_a_mutation() =>
        Assert.Equal([.. Enumerable.Range(1, 12), .. NodeLaws], Mutation.All.Select(mutation => mutation.Law).Distinct());

    private static (IReadOnlyList<Attempt> Attempts, IReadOnlyList<string> Violations) Checked(
        Mutation mutation, Scene scene, (IReadOnlyList<Attempt> Attempts, IReadOnlyList<string> Violations) run) =>
        mutation.Check?.Invoke(scene, run.Attempts) is { } wrong ? (run.Attempts, [.. run.Violations, wrong]) : run;

    private static Scene SceneOf(Mutation mutation, int seed)
    {
        var scene = new Scene(mutation.On.Rules, mutation.On.Start, seed, mutation.On.Options);
        mutation.Prepare?.Invoke(scene);
        return scene;
    }
}
