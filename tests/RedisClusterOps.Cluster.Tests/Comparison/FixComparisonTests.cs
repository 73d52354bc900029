using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>Creates every row of docs/redis-cli.md twice on real servers: once for their own tool, once for ours.</summary>
public sealed class FixComparisonTests(ComparisonClusters clusters, ITestOutputHelper output) : IClassFixture<ComparisonClusters>
{
    // All rows take minutes, so the short proof tests every tenth on one server. RCO_PROOF=full tests all.
    private static readonly bool IsFullProof = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            var servers = Servers.RedisAndValkey.Select(server => server.Data);
            foreach (var server in servers.Where(server => IsFullProof ? server != Servers.Redis86 : server == Servers.Redis70))
            {
                foreach (var what in FixCases.All.Where((_, i) => IsFullProof || i % 10 == 0))
                    cases.Add(server, what.Name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public Task The_servers_own_tool_does_what_the_document_says(string server, string name) =>
        CompareAsync(server, name, (what, measured) => AssertTool(what, server, measured), async (what, scene) =>
        {
            var (exitCode, text) = await FixTool.RunAsync(server, EntryOf(what, scene), what.Arguments, what.Input, what.User);
            output.WriteLine(text);
            return "exit " + exitCode;
        });

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Repair_does_what_the_document_says(string server, string name) =>
        CompareAsync(server, name, (what, measured) => Assert.Equal(what.OursOn(server), AsDocumented(what, measured)), RepairAsync);

    private async Task CompareAsync(
        string server, string name, Action<FixCase, string> verdict, Func<FixCase, SlotScene, Task<string>> runAsync)
    {
        var what = FixCases.All.Single(other => other.Name == name);
        var scene = await clusters.SceneAsync(server, what);
        try
        {
            await what.MakeAsync(scene);
            var ended = await runAsync(what, scene);
            if (what.AfterAsync is not null)
                await what.AfterAsync(scene);
            if (what.Twice)
                ended += ", then " + await runAsync(what, scene);
            var measured = ended + ": " + await Aftermath.OfAsync(scene, what.AnyOwner);
            output.WriteLine("Measured: " + measured);
            verdict(what, measured);
        }
        finally
        {
            await clusters.SettleAsync(server, what, scene);
        }
    }

    private static void AssertTool(FixCase what, string server, string measured)
    {
        if (!what.MayLose || !measured.Contains(" lost", StringComparison.Ordinal))
            Assert.Equal(what.ToolOn(server), AsDocumented(what, measured));
    }

    private static string AsDocumented(FixCase what, string measured) =>
        what.MayNotArrive ? measured.Replace("all keys correct", "1 key on two nodes", StringComparison.Ordinal) : measured;

    // Repairs the whole cluster, as the tool does, and returns the outcome for the slot.
    private async Task<string> RepairAsync(FixCase what, SlotScene scene)
    {
        var login = what.User is var (user, password)
            ? scene.Cluster.Connection with { User = user, Password = password }
            : scene.Cluster.Connection;
        using var core = new RedisCluster(new RedisClusterSession([EntryOf(what, scene).Endpoint], login));
        try
        {
            var plans = await core.PlanRepairAsync(what.Repair, what.Move, default);
            await core.RecordPlansAsync(plans, default);
            var ended = "nothing found";
            foreach (var plan in plans)
            {
                var outcome = await core.CarryOutAsync(plan, default);
                output.WriteLine(outcome.Result + " " + outcome.Result.Reason + " " + outcome.Failure?.NextStep());
                if (plan.Slot == scene.Slot)
                {
                    ended = plan.Refusal is { } refusal ? "refused, " + refusal.Code
                        : outcome.Failure is { } failure ? "stopped, " + failure.Code
                        : outcome.Result.Outcome.ToString();
                    continue;
                }

                Assert.True(outcome.Failure is null || plan.Refusal is not null, outcome.Failure?.ToString());
            }

            return ended;
        }
        catch (RedisOperationException refusal)
        {
            output.WriteLine(refusal.Message + " " + refusal.NextStep());
            return "refused, " + refusal.Code;
        }
    }

    private static LocalNode EntryOf(FixCase what, SlotScene scene) => what.Entry?.Invoke(scene) ?? scene.Source;
}
