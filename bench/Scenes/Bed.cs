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

/// <summary>A running scene: filled once, set back to that before every run, and proved to be whole after it.</summary>
internal sealed class Bed : IAsyncDisposable
{
    private static readonly TimeSpan TrimPatience = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<DelayProxy> _proxies;
    private readonly LocalCluster _cluster;
    private long _keys;

    private Bed(Scene scene, LocalCluster cluster, IReadOnlyList<DelayProxy> proxies)
    {
        Scene = scene;
        _cluster = cluster;
        _proxies = proxies;
        Shifts = scene.Shifts(this);
    }

    public Scene Scene { get; }

    public IReadOnlyList<LocalNode> Masters => _cluster.Masters;

    public IReadOnlyList<SlotShift> Shifts { get; }

    /// <summary>Keys of the slots that are to be moved.</summary>
    public long KeysToMove { get; private set; }

    /// <summary>The server with its version, and the distance to it where there is one, as measured.</summary>
    public string Description { get; private set; } = string.Empty;

    /// <summary>The address that the node announces.</summary>
    public NodeEndpoint DoorOf(LocalNode node) => _proxies.Count == 0 ? node.Endpoint : _proxies[node.Index].Endpoint;

    /// <summary>A way into the cluster, as its users have it.</summary>
    public RedisClusterSession Session() => new([DoorOf(Masters[0])], new ConnectionOptions());

    public Task<INodeConnection> ConnectAsync(LocalNode node, CancellationToken cancellation) => new NodeConnector(new ConnectionOptions()).ConnectAsync(DoorOf(node), cancellation);

    public static async Task<Bed> StartAsync(Scene scene, CancellationToken cancellation)
    {
        DelayProxy[] proxies = scene.RoundTrip == TimeSpan.Zero ? [] : [.. Enumerable.Range(0, scene.Masters + scene.Replicas).Select(_ => new DelayProxy(scene.RoundTrip))];
        var cluster = await LocalCluster.StartAsync(
            new LocalClusterOptions
            {
                Server = Servers.Get(scene.Server),
                Masters = scene.Masters,
                Replicas = scene.Replicas,
                Slots = LocalClusterOptions.SharesFor(scene.Owners, scene.Masters),
                // The servers' own default.
                NodeTimeout = TimeSpan.FromSeconds(15),
                NodeConfigLines = index => proxies.Length == 0 ? [] : ["cluster-announce-port " + proxies[index].Endpoint.Port],
            },
            cancellation);
        for (var i = 0; i < proxies.Length; i++)
            proxies[i].Node = cluster.Nodes[i].Endpoint;
        var bed = new Bed(scene, cluster, proxies);
        try
        {
            bed._keys = await scene.FillAsync(bed, cancellation);
            await bed.KeepAsync(cancellation);
            return bed;
        }
        catch
        {
            await bed.DisposeAsync();
            throw;
        }
    }

    /// <summary>Who owns each slot before a run.</summary>
    public LocalNode[] OwnersBySlot()
    {
        var shares = LocalClusterOptions.SharesFor(Scene.Owners, Scene.Masters);
        return [.. Masters.Zip(shares).SelectMany(pair => pair.Second.SelectMany(range => Enumerable.Repeat(pair.First, range.Count)))];
    }

    /// <summary>The cluster as it was filled: new processes from the files that were kept. Nothing is left of the run before, its heap included.</summary>
    public async Task ResetAsync(CancellationToken cancellation)
    {
        foreach (var node in _cluster.Nodes)
        {
            node.Kill();
            File.Copy(KeptNodesFile(node), NodesFile(node), overwrite: true);
        }

        await Task.WhenAll(_cluster.Nodes.Select(node => node.RestartAsync(cancellation)));
        await _cluster.WaitUntilAgreedAsync(cancellation);
    }

    /// <summary>Every key is there, the slots are where they should be, and the server's own check has nothing to say.</summary>
    /// <exception cref="InvalidOperationException">Not so: what was measured was not the work.</exception>
    public async Task ProveAsync(CancellationToken cancellation)
    {
        await _cluster.WaitUntilAgreedAsync(cancellation);
        var expected = OwnersBySlot();
        foreach (var shift in Shifts)
            Array.Fill(expected, shift.Target, shift.Slots.First, shift.Slots.Count);
        var lines = ClusterNodesParser.Parse((await Masters[0].SendAsync("CLUSTER", "NODES")).Text);
        var owned = Masters.Select(node => lines.Single(line => line.Id == node.Id).Slots.Count).ToList();
        if (Shifts.Count > 0 && !owned.SequenceEqual(Masters.Select(node => expected.Count(owner => owner == node))))
            throw new InvalidOperationException("The masters have " + string.Join(", ", owned) + " slots after the run.");
        // Redis 8.6 still counts what a source is deleting in the background.
        var until = DateTime.UtcNow + TrimPatience;
        long count;
        while ((count = await CountKeysAsync(cancellation)) != _keys && DateTime.UtcNow < until)
            await Task.Delay(20, cancellation);
        if (count != _keys)
            throw new InvalidOperationException("There are " + count + " keys after the run, of " + _keys + ".");
        await ClusterTool.RunAsync(this, ["check", DoorOf(Masters[0]).ToString()], cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        foreach (var proxy in _proxies)
            proxy.Dispose();
    }

    private async Task KeepAsync(CancellationToken cancellation)
    {
        foreach (var shift in Shifts)
        {
            using var source = await shift.Source.ConnectAsync(cancellation);
            var counts = await source.PipelineAsync([.. shift.Each.Select(slot => RespCommand.Of("CLUSTER", "COUNTKEYSINSLOT", slot))], cancellation);
            KeysToMove += counts.Sum(count => count.Integer);
        }

        foreach (var node in _cluster.Nodes)
            await node.SendAsync("SAVE");

        Description = await DescribeAsync(cancellation);

        // A running server holds a lock on the file, which even a reader would have to share.
        foreach (var node in _cluster.Nodes)
        {
            node.Kill();
            File.Copy(NodesFile(node), KeptNodesFile(node));
        }

        await ResetAsync(cancellation);
    }

    private async Task<string> DescribeAsync(CancellationToken cancellation)
    {
        var info = (await Masters[0].SendAsync("INFO", "server")).Text.Split('\n')
            .Select(line => line.Trim().Split(':')).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
        var server = info.TryGetValue("valkey_version", out var valkey) ? "Valkey " + valkey : "Redis " + info["redis_version"];
        if (Scene.RoundTrip == TimeSpan.Zero)
            return server;
        const int Pings = 50;
        using var connection = await ConnectAsync(Masters[0], cancellation);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < Pings; i++)
            await connection.SendAsync(RespCommand.Of("PING"), cancellation);
        return server + string.Create(CultureInfo.InvariantCulture, $", round trip as measured {clock.Elapsed.TotalMilliseconds / Pings:0.0} ms");
    }

    private async Task<long> CountKeysAsync(CancellationToken cancellation)
    {
        var sizes = await Task.WhenAll(Masters.Select(node => node.SendAsync(RespCommand.Of("DBSIZE"), cancellation)));
        return sizes.Sum(size => size.Integer);
    }

    private static string NodesFile(LocalNode node) => Path.Combine(node.Folder, "nodes.conf");

    private static string KeptNodesFile(LocalNode node) => NodesFile(node) + ".kept";
}
