using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>Where the password comes from: never from an argument of its own, which every user of the machine could read.</summary>
internal static class PasswordSource
{
    // The same variable as redis-cli's.
    private const string Variable = "REDISCLI_AUTH";

    /// <summary>The file, else the variable, else a prompt where a user was named and there is somebody to ask.</summary>
    public static async Task<string?> ReadAsync(string? user, string? file, Screen screen, CancellationToken stop)
    {
        if (file is not null)
            return ReadFile(file, screen);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } password)
            return password;
        if (user is null)
            return null;
        return screen.CanAsk
            ? await screen.AskSecretAsync("Password of " + user + ":", stop)
            : throw new UsageException("--user needs a password: set " + Variable + ", or give --password-file.");
    }

    /// <summary>The first line of a file; warns where others than its owner may read it.</summary>
    public static string ReadFile(string file, Screen screen)
    {
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        try
        {
            // ssh would refuse; but files that a system puts there for one service, as of a container, often have such rights.
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & Others) != 0)
                screen.Warning("others than its owner may read the password file " + Printable.Clean(file) + "; chmod 600 keeps it to its owner");
            using var reader = new StreamReader(file);
            return reader.ReadLine() is { Length: > 0 } line
                ? line
                : throw new UsageException("The password file " + file + " has an empty first line.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException("The password file can't be read: " + e.Message, innerException: e);
        }
    }
}
