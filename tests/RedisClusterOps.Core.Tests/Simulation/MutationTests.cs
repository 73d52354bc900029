using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The proof itself is tried: a core that forgets one of the twelve laws is found out, and the same core with the law is not.</summary>
public class MutationTests(ITestOutputHelper output)
{
    private const int Seeds = 20;

    public static TheoryData<int> Mutations => [.. Enumerable.Range(0, Mutation.All.Length)];

    [Theory]
    [MemberData(nameof(Mutations))]
    public void A_core_that_forgets_a_law_breaks_a_promise_and_one_that_keeps_it_does_not(int index)
    {
        var mutation = Mutation.All[index];
        var caught = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var scene = SceneOf(mutation, seed);
            var kept = Proof.Run(scene, mutation.On.Operation, scene.Cluster, mayStop: true);
            Assert.True(kept.Violations.Count == 0, mutation + " is kept, seed " + seed + ": " + string.Join("; ", kept.Attempts) + "\n" + string.Join('\n', kept.Violations.Take(5)));

            scene = SceneOf(mutation, seed);
            var forgotten = Proof.Run(scene, mutation.Instead ?? mutation.On.Operation, mutation.Liar(scene.Cluster), mutation.Liar, mayStop: true);
            caught += forgotten.Violations.Any(violation => violation.StartsWith(mutation.Breaks, System.StringComparison.Ordinal)) ? 1 : 0;
            if (seed == 1)
                output.WriteLine(mutation + ": " + string.Join("; ", forgotten.Attempts) + "\n  " + string.Join("\n  ", forgotten.Violations.Take(5)));
        }

        output.WriteLine("caught in " + caught + " of " + Seeds);
        Assert.True(caught > Seeds / 2, mutation + " is found out in " + caught + " of " + Seeds + " runs.");
    }

    [Fact]
    public void Every_law_has_a_mutation() => Assert.Equal(Enumerable.Range(1, 12), Mutation.All.Select(mutation => mutation.Law).Distinct());

    private static Scene SceneOf(Mutation mutation, int seed)
    {
        var scene = new Scene(mutation.On.Rules, mutation.On.Start, seed, mutation.On.Options);
        mutation.Meanwhile?.Invoke(scene);
        return scene;
    }
}
