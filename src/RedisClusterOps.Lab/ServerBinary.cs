using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Lab;

/// <summary>A server program that a lab can run, and how to start it.</summary>
internal sealed record ServerBinary
{
    private ServerBinary(ServerEngine kind, string path, IReadOnlyList<string> leadingArguments, string name)
    {
        Kind = kind;
        Path = path;
        LeadingArguments = leadingArguments;
        Name = name;
    }

    public ServerEngine Kind { get; }

    public string Path { get; }

    /// <summary>The arguments before the server's own: for Garnet, the dll that <c>dotnet</c> runs.</summary>
    public IReadOnlyList<string> LeadingArguments { get; }

    /// <summary>The display name: <c>redis-server</c>, <c>valkey-server</c>, <c>garnet-server 2.2.8</c>.</summary>
    public string Name { get; }

    /// <summary>The server at this path.</summary>
    public static ServerBinary At(string path, ServerEngine kind, string? name = null) =>
        new(kind, path, [], name ?? System.IO.Path.GetFileName(path));

    /// <summary>Finds redis-server or valkey-server on PATH, otherwise Garnet, which is restored on first use.</summary>
    /// <exception cref="LabException">There is none, and Garnet can't be restored.</exception>
    public static async Task<ServerBinary> FindAsync(CancellationToken cancellation = default)
    {
        var redis = OnPath("redis-server");
        if (redis is not null)
            return At(redis, ServerEngine.Redis);
        var valkey = OnPath("valkey-server");
        if (valkey is not null)
            return At(valkey, ServerEngine.Valkey);
        return await FindGarnetAsync(cancellation);
    }

    /// <summary>Finds the Garnet that the repository's tool manifest pins.</summary>
    /// <exception cref="LabException">No manifest is near, or the tool can't be restored.</exception>
    public static async Task<ServerBinary> FindGarnetAsync(CancellationToken cancellation = default)
    {
        const string Otherwise = "Put redis-server or valkey-server on PATH, or run this from the repository's folder.";
        var tool = await RepositoryTool.RestoreAsync("garnet-server", Otherwise, cancellation);
        // `dotnet garnet-server` runs the server as a child process: the lab would not know the id of the server.
        return new ServerBinary(ServerEngine.Garnet, tool.DotnetPath, [tool.DllPath], "garnet-server " + tool.Version);
    }

    internal static string? OnPath(string program)
    {
        var file = OperatingSystem.IsWindows() ? program + ".exe" : program;
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(System.IO.Path.PathSeparator))
        {
            // A relative entry would run a program of the current folder.
            if (!System.IO.Path.IsPathFullyQualified(folder))
                continue;
            var path = System.IO.Path.Combine(folder, file);
            if (File.Exists(path))
                return path;
        }

        return null;
    }
}
