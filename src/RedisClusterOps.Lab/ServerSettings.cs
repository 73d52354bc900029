using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace RedisClusterOps.Lab;

/// <summary>Turns the options of a cluster into a configuration file or into arguments, whichever the server reads.</summary>
internal static class ServerSettings
{
    private const string FileName = "server.conf";

    /// <summary>Writes the configuration file, if any, to the node's folder and returns the arguments to start the node with.</summary>
    public static IReadOnlyList<string> Prepare(LocalClusterOptions options, int index, int port, string folder)
    {
        if (options.Server.Kind == ServerEngine.Garnet)
            return GarnetArguments(options, port);
        File.WriteAllLines(Path.Combine(folder, FileName), RedisLines(options, index, port));
        return [FileName];
    }

    private static List<string> RedisLines(LocalClusterOptions options, int index, int port)
    {
        List<string> lines =
        [
            "bind " + options.Host,
            "dir ./",
            "cluster-enabled yes",
            "cluster-config-file nodes.conf",
            "cluster-node-timeout " + ((long)options.NodeTimeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
            "save \"\"",
            "appendonly " + (options.AppendOnly ? "yes" : "no"),
            // By default a replica waits five seconds for others to share its first copy.
            "repl-diskless-sync-delay 0",
        ];
        if (options.Tls is { } tls)
        {
            lines.AddRange(
            [
                "port 0",
                "tls-port " + Text(port),
                "tls-cluster yes",
                "tls-replication yes",
                "tls-cert-file " + Quoted(tls.CertificatePath),
                "tls-key-file " + Quoted(tls.KeyPath),
                "tls-ca-cert-file " + Quoted(tls.CaPath),
                "tls-auth-clients optional",
            ]);
        }
        else
        {
            lines.Add("port " + Text(port));
        }

        lines.AddRange(options.ConfigLines);
        lines.AddRange(options.NodeConfigLines?.Invoke(index) ?? []);
        return lines;
    }

    private static List<string> GarnetArguments(LocalClusterOptions options, int port)
    {
        if (options.Tls is not null)
            throw new LabException("The lab runs Garnet without TLS only.");
        List<string> arguments =
        [
            "--cluster",
            "--port", Text(port),
            "--bind", "127.0.0.1",
            "--checkpointdir", "data",
            // The default device needs libaio, which a small machine lacks.
            "--device-type", "RandomAccess",
            // Seconds, the minimum. The nodes' agreement waits for it.
            "--gossip-delay", "1",
            // The defaults reserve far more than a lab's few keys need.
            "--memory", "64m", "--page", "1m", "--index", "1m",
        ];
        // Replication and persistence both need the append-only file.
        if (options.AppendOnly || options.Replicas > 0)
            arguments.AddRange(["--aof", "--recover"]);
        arguments.AddRange(options.GarnetArguments);
        return arguments;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Quoted(string path) => "\"" + path.Replace("\\", "\\\\", StringComparison.Ordinal) + "\"";
}
