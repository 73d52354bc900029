using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.Output;

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
            return ReadFile(file);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } password)
            return password;
        if (user is null)
            return null;
        return screen.CanAsk
            ? await screen.AskSecretAsync("Password of " + user + ":", stop)
            : throw new UsageException("--user needs a password: set " + Variable + ", or give --password-file.");
    }

    /// <summary>The first line of a file.</summary>
    public static string ReadFile(string file)
    {
        try
        {
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
