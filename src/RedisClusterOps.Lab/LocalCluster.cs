using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>A disposable cluster on loopback. It ends every server that it started and removes every file, even after a failure.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    private readonly LocalClusterOptions _options;
    private readonly List<LocalNode> _nodes = [];
    private readonly EventHandler _atExit;
    private readonly List<PosixSignalRegistration> _atSignals = [];
    private LabRecord? _record;
    private int _ended;

    private LocalCluster(LocalClusterOptions options, string folder)
    {
        _options = options;
        Folder = folder;
        _atExit = (_, _) => End();
        AppDomain.CurrentDomain.ProcessExit += _atExit;
        // By default these signals end the process without any handler. SIGINT is the program's: it cancels, and disposal follows.
        foreach (var signal in options.EndsOnSignals ? new[] { PosixSignal.SIGTERM, PosixSignal.SIGHUP } : [])
            _atSignals.Add(PosixSignalRegistration.Create(signal, _ => End()));
    }

    /// <summary>Masters first, then replicas.</summary>
    public IReadOnlyList<LocalNode> Nodes => _nodes;

    public IReadOnlyList<LocalNode> Masters => [.. _nodes.Take(_options.Masters)];

    public IReadOnlyList<LocalNode> Replicas => [.. _nodes.Skip(_options.Masters)];

    /// <summary>The folder that holds one folder for each node.</summary>
    public string Folder { get; }

    public ServerBinary Server => _options.Server;

    /// <summary>Starts the nodes, joins them to a cluster and waits until they agree.</summary>
    /// <exception cref="LabException">A node does not start, or the nodes do not agree in time.</exception>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions options, CancellationToken cancellation = default)
    {
        if (options.SlotsOrDefault().Count != options.Masters)
            throw new ArgumentException("There must be one list of slots for each master.", nameof(options));
        var cluster = new LocalCluster(options, Directory.CreateTempSubdirectory(LabRecord.FolderPrefix).FullName);
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(options.StartTimeout);
        try
        {
            await cluster.StartNodesAsync(time.Token);
            if (options.IsFormed)
            {
                await ClusterForming.FormAsync(
                    cluster.Nodes, options.SlotsOrDefault(), options.Connection, options.NodeTimeout, time.Token);
            }

            return cluster;
        }
        catch (Exception e)
        {
            cluster.End();
            cancellation.ThrowIfCancellationRequested();
            if (e is OperationCanceledException)
                throw new LabException("The nodes did not start within " + options.StartTimeout.TotalSeconds + " s.", e);
            throw;
        }
    }

    /// <summary>Waits until the running nodes are connected, agree and serve.</summary>
    /// <exception cref="LabException">The start timeout passed; the message says what was missing.</exception>
    public async Task WaitUntilAgreedAsync(CancellationToken cancellation = default)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        time.CancelAfter(_options.StartTimeout);
        await ClusterForming.WaitUntilAgreedAsync([.. _nodes.Where(node => node.IsRunning)], time.Token);
    }

    /// <summary>Ends the nodes and removes their folders. A detached cluster keeps running.</summary>
    public ValueTask DisposeAsync()
    {
        if (_options.Detached && Interlocked.Exchange(ref _ended, 1) == 0)
        {
            StopListening();
            foreach (var node in _nodes)
                node.Dispose();
        }

        End();
        return ValueTask.CompletedTask;
    }

    private async Task StartNodesAsync(CancellationToken cancellation)
    {
        var connector = new NodeConnector(_options.Connection);
        // Nodes are in the order of their ports, as every list of nodes shows them.
        var ports = Enumerable.Range(0, _options.Masters + _options.Replicas)
            .Select(_ => LoopbackPorts.Reserve(_options.Host)).OrderBy(port => port).ToList();
        var starting = ports
            .Select((port, i) => LocalNode.StartAsync(_options, connector, i, port, Path.Combine(Folder, "node" + i), cancellation))
            .ToArray();
        try
        {
            await Task.WhenAll(starting);
        }
        finally
        {
            // Even after a failure: the nodes that did start have to be ended.
            _nodes.AddRange(starting.Where(start => start.IsCompletedSuccessfully).Select(start => start.Result));
        }

        _record = LabRecord.Of(this, _options.Detached);
        _record.Save();
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        foreach (var node in _nodes)
            node.End();
        LabRecord.RemoveFolder(Folder);
        _record?.Delete();
        StopListening();
    }

    private void StopListening()
    {
        AppDomain.CurrentDomain.ProcessExit -= _atExit;
        foreach (var registration in _atSignals)
            registration.Dispose();
    }
}

/// <summary>The lab can't do what the user asked for. The message is for the user; it names the next step if there is one.</summary>
internal sealed class LabException(string message, Exception? innerException = null) : Exception(message, innerException);
