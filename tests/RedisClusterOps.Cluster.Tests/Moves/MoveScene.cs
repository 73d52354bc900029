using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A cluster with keys in every slot, and rco as a process that moves a part of the slots to the last master, or back from it.</summary>
internal sealed class MoveScene : IAsyncDisposable
{
    private readonly RcoHome _rco = new();
    private readonly string[] _options;
    private int _trials;

    private MoveScene(FilledCluster cluster, string[] options)
    {
        Cluster = cluster;
        _options = options;
        Journal = _rco.Folder("journal-0");
    }

    public FilledCluster Cluster { get; }

    public LocalNode Last => Cluster.Cluster.Masters[^1];

    /// <summary>The journal's folder of the present trial.</summary>
    public string Journal { get; private set; }

    /// <param name="options">More of rco's, such as the method.</param>
    public static async Task<MoveScene> StartAsync(string server, int keys, string[] options, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) => new(
        await FilledCluster.StartAsync(server, keys, masters: 4, replicas, lab =>
        {
            // A drained master is to be filled again.
            lab = lab with { ConfigLines = ["cluster-allow-replica-migration no"] };
            return with?.Invoke(lab) ?? lab;
        }),
        options);

    /// <summary>Moves by the servers themselves take a second or so then.</summary>
    public async Task SlowServersDownAsync(int microsecondsPerKey = 150)
    {
        foreach (var node in Cluster.Nodes)
            await node.SendAsync("CONFIG", "SET", "rdb-key-save-delay", microsecondsPerKey);
    }

    /// <summary>Moves that the servers are at by themselves, where they can.</summary>
    public async Task<int> TasksAsync()
    {
        var running = 0;
        foreach (var node in Cluster.Nodes)
            running += await FilledCluster.TasksAsync(node);
        return running;
    }

    /// <summary>Forgets the trial before.</summary>
    /// <returns>The work of this one: the last master gets its share, or gives everything away.</returns>
    public async Task<MoveWork> BeginAsync()
    {
        Journal = _rco.Folder("journal-" + ++_trials);
        await KillScene.UntilAsync(async () => await TasksAsync() == 0);
        var before = await Cluster.OwnersAsync();
        var fills = !before.Contains(Last.Index);
        var options = fills
            ? new RebalanceOptions { UseEmptyMaster = true, Threshold = 0 }
            : new RebalanceOptions { Weights = new Dictionary<string, double> { [Last.Id] = 0 }, Threshold = 0 };
        using var core = new RedisCluster(Cluster.Session);
        var plan = await core.PlanRebalanceAsync(options, new MoveOptions(), default);
        string[] command = ["rebalance", "--threshold", "0", .. fills ? ["--use-empty-master"] : new[] { "--weight", Last.Id + "=0" }];
        return new MoveWork(command, before, Cluster.OwnersIn(plan.After));
    }

    /// <summary>A part of the first master's slots goes to the last; the two between have nothing to do with it.</summary>
    public async Task<MoveWork> BeginBesideOthersAsync()
    {
        const int Slots = 1_000;
        var before = await Cluster.OwnersAsync();
        using var core = new RedisCluster(Cluster.Session);
        var plan = await core.PlanMoveAsync(new SlotSelection { Count = Slots, Sources = [Cluster.Nodes[0].Id], Target = Last.Id }, new MoveOptions(), default);
        return new MoveWork(["move", "--count", Slots.ToString(), "--source", Cluster.Nodes[0].Id, "--target", Last.Id], before, Cluster.OwnersIn(plan.After));
    }

    public RcoProcess Start(params string[] command) => _rco.Start([.. Completed(command), .. _options]);

    public Task<RcoRun> RunAsync(params string[] command) => _rco.RunAsync([.. Completed(command), .. _options]);

    public Task AssertSoonAsync(TimeSpan took) => _rco.AssertSoonAsync(took);

    /// <summary>rco plan, which writes nothing down.</summary>
    public Task<RcoRun> PlanAsync(params string[] options) => _rco.RunAsync(["plan", .. options, "--cluster", Cluster.Nodes[0].Endpoint.ToString()]);

    /// <summary>What was left open, slot by slot: with some two thousand that takes long.</summary>
    public async Task<RcoRun> RepairAsync()
    {
        using var rco = _rco.Start(Completed(["repair"]));
        return await rco.EndAsync(TimeSpan.FromMinutes(4));
    }

    /// <summary>What the journal holds of the trial, newest first.</summary>
    public IReadOnlyList<RedisMigration> Runs() => RedisCluster.GetMigrations(Journal, null);

    public void LoseJournal() => Directory.Delete(Journal, recursive: true);

    /// <summary>Every slot has the owner it should have, and every key is there.</summary>
    public async Task AssertEndedAsync(IReadOnlyList<int> owners)
    {
        var actual = await Cluster.OwnersAsync();
        if (!actual.SequenceEqual(owners))
            Assert.Equal(owners, actual);
        await Cluster.AssertInOrderAsync();
    }

    /// <summary>How far a run came before it was killed, in a few words.</summary>
    public async Task<string> WhereAsync(MoveWork work)
    {
        var owners = await Task.WhenAll(Cluster.Nodes.Select(TestCluster.OwnLineOfAsync));
        var moved = Enumerable.Range(0, work.Before.Count).Count(slot => work.Before[slot] != work.After[slot] && owners[work.After[slot]].Slots.Contains(slot));
        var open = owners.Sum(own => own.MigratingTo.Count);
        var run = Runs().SingleOrDefault();
        return moved + " of " + work.SlotCount + " slots moved, " + open + " open, the journal says " + (run is null ? "nothing" : run.State + " with " + run.SlotsDone + " done");
    }

    public async ValueTask DisposeAsync()
    {
        _rco.Dispose();
        await Cluster.DisposeAsync();
    }

    private string[] Completed(string[] command) =>
    [
        .. command, "--json", "--journal-path", Journal,
        "--cluster", string.Join(',', Cluster.Nodes.Where(node => node.IsRunning).Select(node => node.Endpoint)),
    ];
}

/// <summary>What rco is told, and who owns each slot before and after, by index of the node.</summary>
internal sealed record MoveWork(string[] Command, IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public int SlotCount => Before.Zip(After, (before, after) => before != after).Count(moves => moves);
}
