using System;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Lab;

/// <summary>One server of a local cluster, with a connection for the program that runs the lab.</summary>
internal sealed class LocalNode : IDisposable
{
    private const string ReadyLine = "Ready to accept connections";

    private readonly LocalClusterOptions _options;
    private readonly INodeConnector _connector;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private ServerProcess? _process;
    private INodeConnection? _connection;

    private LocalNode(LocalClusterOptions options, INodeConnector connector, int index, string folder)
    {
        _options = options;
        _connector = connector;
        Index = index;
        Folder = folder;
    }

    /// <summary>Masters first, then replicas.</summary>
    public int Index { get; }

    public string Folder { get; }

    public NodeEndpoint Endpoint { get; private set; }

    /// <summary>The node id.</summary>
    public string Id { get; private set; } = string.Empty;

    public bool IsRunning => _process?.IsRunning ?? false;

    public int ProcessId => _process?.Id ?? throw new LabException("Node " + Endpoint + " was never started.");

    internal ProcessMark Mark => _process!.Mark;

    /// <summary>Starts a server on a free port and waits until it answers.</summary>
    /// <param name="port">A reserved port. If another process has taken it meanwhile, the node takes another one.</param>
    public static async Task<LocalNode> StartAsync(
        LocalClusterOptions options, INodeConnector connector, int index, int port, string folder, CancellationToken cancellation)
    {
        var node = new LocalNode(options, connector, index, folder);
        try
        {
            const int Attempts = 4;
            for (var attempt = 1; ; attempt++)
            {
                node.Endpoint = new NodeEndpoint(options.Host, port);
                System.IO.Directory.CreateDirectory(folder);
                if (await node.LaunchAsync(cancellation))
                    return node;
                // Another process may have taken the port or its bus port between the check and the start. A server that can't start
                // for another reason fails the same way every time.
                LoopbackPorts.Release(port);
                if (attempt == Attempts)
                    throw new LabException(options.Server.Name + " ended right after its start. The end of its log: " + node.LogEnd());
                System.IO.Directory.Delete(folder, recursive: true);
                port = LoopbackPorts.Reserve(options.Host);
            }
        }
        catch
        {
            node.Dispose();
            throw;
        }
    }

    /// <summary>Sends one command and returns its reply, even if that is an error.</summary>
    public async Task<RespValue> AskAsync(RespCommand command, CancellationToken cancellation = default)
    {
        await _sending.WaitAsync(cancellation);
        try
        {
            if (_connection is not { IsUsable: true })
            {
                _connection?.Dispose();
                _connection = await _connector.ConnectAsync(Endpoint, cancellation);
            }

            return await _connection.AskAsync(command, cancellation);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Sends one command and returns its reply, even if that is an error.</summary>
    public Task<RespValue> AskAsync(params object[] arguments) => AskAsync(RespCommand.Of(arguments));

    /// <summary>Sends one command and returns its reply. Throws if that is an error.</summary>
    public async Task<RespValue> SendAsync(RespCommand command, CancellationToken cancellation = default) =>
        (await AskAsync(command, cancellation)).OrThrow(Endpoint, command);

    /// <summary>Sends one command and returns its reply. Throws if that is an error.</summary>
    public Task<RespValue> SendAsync(params object[] arguments) => SendAsync(RespCommand.Of(arguments));

    /// <summary>Opens a new connection, which the caller owns.</summary>
    public Task<INodeConnection> ConnectAsync(CancellationToken cancellation = default) => _connector.ConnectAsync(Endpoint, cancellation);

    /// <summary>Ends the server at once (SIGKILL).</summary>
    public void Kill() => _process?.Kill();

    /// <summary>Freezes the server (SIGSTOP).</summary>
    public void Stop() => _process?.Stop();

    /// <summary>Resumes a frozen server (SIGCONT).</summary>
    public void Continue() => _process?.Continue();

    /// <summary>Starts an ended server again on its port and in its folder, and waits until it answers.</summary>
    public async Task RestartAsync(CancellationToken cancellation = default)
    {
        Kill();
        // Connections that are still closing may hold the port for a moment.
        for (var attempt = 0; attempt < 10; attempt++)
        {
            if (await LaunchAsync(cancellation))
                return;
            await Task.Delay(300, cancellation);
        }

        throw new LabException("Node " + Endpoint + " does not start again. The end of its log: " + LogEnd());
    }

    /// <summary>Starts an ended server again in its folder, but on another port.</summary>
    public Task RestartElsewhereAsync(CancellationToken cancellation = default)
    {
        Kill();
        LoopbackPorts.Release(Endpoint.Port);
        Endpoint = new NodeEndpoint(_options.Host, LoopbackPorts.Reserve(_options.Host));
        _connection?.Dispose();
        _connection = null;
        return RestartAsync(cancellation);
    }

    /// <summary>Closes the connection. The server keeps running.</summary>
    public void Dispose()
    {
        _connection?.Dispose();
        _process?.Dispose();
        _sending.Dispose();
    }

    internal void End()
    {
        Kill();
        LoopbackPorts.Release(Endpoint.Port);
        Dispose();
    }

    private string LogPath => Path.Combine(Folder, ServerProcess.LogName);

    // False if the server ended by itself before it was ready.
    private async Task<bool> LaunchAsync(CancellationToken cancellation)
    {
        var logged = File.Exists(LogPath) ? new FileInfo(LogPath).Length : 0;
        _process?.Dispose();
        _process = ServerProcess.Start(_options.Server, ServerSettings.Prepare(_options, Index, Endpoint.Port, Folder), Folder);
        try
        {
            while (_process.IsRunning)
            {
                // The log first: until the server is ready, another server may be the one that answers on this port.
                if (LogsReady(logged) && await AnswersAsync(cancellation))
                {
                    Id = (await SendAsync(RespCommand.Of("CLUSTER", "MYID"), cancellation)).Text;
                    return true;
                }

                await Task.Delay(20, cancellation);
            }

            return false;
        }
        catch (Exception)
        {
            Kill();
            throw;
        }
    }

    private bool LogsReady(long from)
    {
        if (!File.Exists(LogPath))
            return OperatingSystem.IsWindows();
        using var log = new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        log.Seek(from, SeekOrigin.Begin);
        using var reader = new StreamReader(log, Encoding.UTF8);
        return reader.ReadToEnd().Contains(ReadyLine, StringComparison.Ordinal);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        try
        {
            return !(await AskAsync(RespCommand.Of("PING"), cancellation)).IsError;
        }
        catch (RedisConnectionException)
        {
            return false;
        }
    }

    private string LogEnd()
    {
        if (!File.Exists(LogPath))
            return "empty.";
        var lines = File.ReadLines(LogPath).Select(line => line.Trim()).Where(line => line.Length > 0);
        return string.Join(" | ", lines.TakeLast(5).Select(line => Printable.Clean(line, 300)));
    }
}
