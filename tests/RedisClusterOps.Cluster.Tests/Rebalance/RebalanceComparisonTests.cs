using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Comparison;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Rebalance;

/// <summary>
/// For the same request on the same cluster, this module never moves more slots than <c>redis-cli --cluster rebalance
/// --cluster-simulate</c>.
/// </summary>
public sealed partial class RebalanceComparisonTests(LaidOutCluster layouts, ITestOutputHelper output) : IClassFixture<LaidOutCluster>
{
    private static readonly string[] Layouts =
    [
        "5461 5461 5462 0", "5461 5462 5461 0", "4096 4096 4096 4096", "4097 4096 4095 4096",
        "16384 0 0 0", "4200 4100 4000 4084", "1 16381 1 1", "8000 300 8084 0",
    ];

    // The weights of the four masters ('-' for none), the threshold, and whether empty masters are used.
    private static readonly string[] Requests =
    [
        "- - - - 2 yes", "- - - - 2 no", "- - - - 0.5 yes", "- - - - 20 yes", "0 - - - 2 yes",
        "2 1 1 1 2 yes", "1.5 0.5 - 3 1 yes", "- 0 - - 5 no", "0.1 0.2 0.3 0.4 2 yes",
    ];

    public static TheoryData<string, string> Cases =>
        [
            .. from layout in Layouts.Where((_, index) => KillCase.IsFullProof || index % 4 == 0)
               from request in Requests
               select new TheoryDataRow<string, string>(layout, request),
        ];

    [Theory, MemberData(nameof(Cases))]
    public async Task No_more_slots_move_than_redis_cli_would_move(string layout, string request)
    {
        var counts = layout.Split(' ').Select(text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        var cluster = await layouts.WithAsync(counts, isScattered: counts[0] % 2 == 0);
        var words = request.Split(' ');
        var weights = Enumerable.Range(0, 4)
            .Where(index => words[index] != "-" && (counts[index] > 0 || words[5] == "yes"))
            .ToDictionary(index => cluster.Node(index).Id, index => words[index]);
        var options = new RebalanceOptions
        {
            Weights = weights.ToDictionary(pair => pair.Key, pair => double.Parse(pair.Value, CultureInfo.InvariantCulture)),
            Threshold = double.Parse(words[4], CultureInfo.InvariantCulture),
            UseEmptyMaster = words[5] == "yes",
        };

        using var redis = new RedisCluster(new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection));
        var plan = await redis.PlanRebalanceAsync(options, new MoveOptions(), default);

        var theirs = await SimulateAsync(cluster, weights, words[4], options.UseEmptyMaster);
        output.WriteLine("ours {0}, redis-cli {1}", plan.SlotCount, theirs);
        Assert.InRange(plan.SlotCount, 0, theirs);
        // Not by doing nothing: if redis-cli moves more than rounding differences, this module moves slots too.
        if (theirs > 4)
            Assert.NotEqual(0, plan.SlotCount);
        Assert.Equal(counts, cluster.Masters.Select(node => plan.Before.Single(share => share.Id == node.Id).SlotCount));
    }

    private static async Task<int> SimulateAsync(
        TestCluster cluster, Dictionary<string, string> weights, string threshold, bool useEmptyMasters)
    {
        string[] arguments =
        [
            "--cluster-simulate", "--cluster-threshold", threshold, .. useEmptyMasters
                ? ["--cluster-use-empty-masters"]
                : Array.Empty<string>(),
            .. weights.Count == 0 ? [] : weights.Select(pair => pair.Key + "=" + pair.Value).Prepend("--cluster-weight"),
        ];
        var (exitCode, text) = await FixTool.RunAsync(Servers.Redis70, cluster.Node(0), arguments, string.Empty, command: "rebalance");
        Assert.True(exitCode == 0 && (text.Contains("No rebalancing needed") || text.Contains("Rebalancing across")), text);
        return Moving().Matches(text).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("Moving ([0-9]+) slots from")]
    private static partial Regex Moving();
}
