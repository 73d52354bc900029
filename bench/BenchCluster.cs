using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>The cluster of a scenario: filled once, reset before every run, and verified after every run.</summary>
internal sealed class BenchCluster : IAsyncDisposable
{
    private static readonly TimeSpan TrimTimeout = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<DelayProxy> _proxies;
    private readonly LocalCluster _nodes;
    private long _keys;

    private BenchCluster(Scenario scenario, LocalCluster nodes, IReadOnlyList<DelayProxy> proxies)
    {
        Scenario = scenario;
        _nodes = nodes;
        _proxies = proxies;
        Transfers = scenario.Transfers(this);
    }

    public Scenario Scenario { get; }

    public IReadOnlyList<LocalNode> Masters => _nodes.Masters;

    public IReadOnlyList<SlotTransfer> Transfers { get; }

    /// <summary>The number of keys in the slots to move.</summary>
    public long KeysToMove { get; private set; }

    /// <summary>The round trips of the run in progress; null for a contestant that does not count them.</summary>
    public RoundTrips? RoundTrips { get; set; }

    /// <summary>The server with its version, and the measured round trip if a delay is simulated.</summary>
    public string Description { get; private set; } = string.Empty;

    /// <summary>The address that the node announces: its own, or that of its proxy.</summary>
    public NodeEndpoint AddressOf(LocalNode node) => _proxies.Count == 0 ? node.Endpoint : _proxies[node.Index].Endpoint;

    /// <summary>A session as a user of the module has it.</summary>
    public RedisClusterSession Session() => new([AddressOf(Masters[0])], new ConnectionOptions());

    public Task<INodeConnection> ConnectAsync(LocalNode node, CancellationToken cancellation) =>
        new NodeConnector(new ConnectionOptions()).ConnectAsync(AddressOf(node), cancellation);

    public static async Task<BenchCluster> StartAsync(Scenario scenario, CancellationToken cancellation)
    {
        var count = scenario.RoundTrip == TimeSpan.Zero ? 0 : scenario.Masters + scenario.Replicas;
        DelayProxy[] proxies = [.. Enumerable.Range(0, count).Select(_ => new DelayProxy(scenario.RoundTrip))];
        var nodes = await LocalCluster.StartAsync(
            new LocalClusterOptions
            {
                Server = Servers.Get(scenario.Server),
                Masters = scenario.Masters,
                Replicas = scenario.Replicas,
                Slots = LocalClusterOptions.SharesFor(scenario.Owners, scenario.Masters),
                NodeTimeout = scenario.NodeTimeout,
                NodeConfigLines = index => proxies.Length == 0 ? [] : ["cluster-announce-port " + proxies[index].Endpoint.Port],
            },
            cancellation);
        for (var i = 0; i < proxies.Length; i++)
            proxies[i].Node = nodes.Nodes[i].Endpoint;
        var cluster = new BenchCluster(scenario, nodes, proxies);
        try
        {
            cluster._keys = await scenario.FillAsync(cluster, cancellation);
            await cluster.SaveAsync(cancellation);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The owner of each slot before a run, by slot.</summary>
    public LocalNode[] OwnersBySlot()
    {
        var shares = LocalClusterOptions.SharesFor(Scenario.Owners, Scenario.Masters);
        return [.. Masters.Zip(shares).SelectMany(pair => pair.Second.SelectMany(range => Enumerable.Repeat(pair.First, range.Count)))];
    }

    /// <summary>
    /// Restores the filled state by starting new processes from the saved files. Nothing of the previous run remains, including its heap.
    /// </summary>
    public async Task ResetAsync(CancellationToken cancellation)
    {
        foreach (var node in _nodes.Nodes)
        {
            node.Kill();
            File.Copy(SavedNodesFile(node), NodesFile(node), overwrite: true);
        }

        await Task.WhenAll(_nodes.Nodes.Select(node => node.RestartAsync(cancellation)));
        await _nodes.WaitUntilAgreedAsync(cancellation);
        foreach (var replica in _nodes.Replicas)
        {
            while (!(await replica.SendAsync("INFO", "replication")).Text.Contains("master_link_status:up", StringComparison.Ordinal))
                await Task.Delay(20, cancellation);
        }
    }

    /// <summary>Verifies that no key is missing, every slot has the expected owner, and the server's own check finds no problem.</summary>
    /// <exception cref="InvalidOperationException">One of these does not hold, so the measured run did not do its work.</exception>
    public async Task VerifyAsync(CancellationToken cancellation)
    {
        await _nodes.WaitUntilAgreedAsync(cancellation);
        var expected = OwnersBySlot();
        foreach (var transfer in Transfers)
            Array.Fill(expected, transfer.Target, transfer.Slots.First, transfer.Slots.Count);
        var lines = ClusterNodesParser.Parse((await Masters[0].SendAsync("CLUSTER", "NODES")).Text);
        var owned = Masters.Select(node => lines.Single(line => line.Id == node.Id).Slots.Count).ToList();
        if (Transfers.Count > 0 && !owned.SequenceEqual(Masters.Select(node => expected.Count(owner => owner == node))))
            throw new InvalidOperationException("After the run, the masters own " + string.Join(", ", owned) + " slots.");
        // Redis 8.6 counts keys that a source is still deleting in the background.
        var until = DateTime.UtcNow + TrimTimeout;
        long count;
        while ((count = await CountKeysAsync(cancellation)) != _keys && DateTime.UtcNow < until)
            await Task.Delay(20, cancellation);
        if (count != _keys)
            throw new InvalidOperationException("After the run, the cluster has " + count + " of " + _keys + " keys.");
        await ClusterTool.RunAsync(this, ["check", AddressOf(Masters[0]).ToString()], cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        foreach (var proxy in _proxies)
            proxy.Dispose();
    }

    private async Task SaveAsync(CancellationToken cancellation)
    {
        foreach (var transfer in Transfers)
        {
            using var source = await transfer.Source.ConnectAsync(cancellation);
            var commands = transfer.Each.Select(slot => RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot));
            var counts = await source.PipelineAsync([.. commands], cancellation);
            KeysToMove += counts.Sum(count => count.Integer);
        }

        foreach (var node in _nodes.Nodes)
            await node.SendAsync("SAVE");

        Description = await DescribeAsync(cancellation);

        // A running server locks the file, so the copy needs a stopped one.
        foreach (var node in _nodes.Nodes)
        {
            node.Kill();
            File.Copy(NodesFile(node), SavedNodesFile(node));
        }

        await ResetAsync(cancellation);
    }

    private async Task<string> DescribeAsync(CancellationToken cancellation)
    {
        var info = (await Masters[0].SendAsync("INFO", "server")).Text.Split('\n')
            .Select(line => line.Trim().Split(':')).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        var server = info.TryGetValue("valkey_version", out var valkey) ? "Valkey " + valkey : "Redis " + info["redis_version"];
        if (Scenario.RoundTrip == TimeSpan.Zero)
            return server;
        const int Pings = 50;
        using var connection = await ConnectAsync(Masters[0], cancellation);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Pings; i++)
            await connection.SendAsync(RespCommand.Of("PING"), cancellation);
        var roundTrip = clock.Elapsed.TotalMilliseconds / Pings;
        return server + string.Create(CultureInfo.InvariantCulture, $", measured round trip {roundTrip:0.0} ms");
    }

    private async Task<long> CountKeysAsync(CancellationToken cancellation)
    {
        var sizes = await Task.WhenAll(Masters.Select(node => node.SendAsync(RespCommand.Of("DBSIZE"), cancellation)));
        return sizes.Sum(size => size.Integer);
    }

    private static string NodesFile(LocalNode node) => Path.Combine(node.Folder, "nodes.conf");

    private static string SavedNodesFile(LocalNode node) => NodesFile(node) + ".saved";
}

/// <summary>The running cluster. Consecutive rows with the same scenario share it.</summary>
internal sealed class SharedCluster : IAsyncDisposable
{
    private BenchCluster? _cluster;

    /// <summary>Ends the servers of a killed run, which could not clean up.</summary>
    public SharedCluster()
    {
        foreach (var orphan in LabRecord.All().Where(lab => lab.Owner is not null && lab.IsUnowned()))
            orphan.End();
    }

    public async Task<BenchCluster> GetAsync(Scenario scenario, CancellationToken cancellation)
    {
        if (_cluster is not null && _cluster.Scenario != scenario)
            await DisposeAsync();
        return _cluster ??= await BenchCluster.StartAsync(scenario, cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        _cluster = null;
    }
}
