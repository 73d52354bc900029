using System.Text.RegularExpressions;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>An argument that was put in the wrong place may be a connection string, and what is printed of it goes into logs.</summary>
internal static partial class HiddenPassword
{
    /// <summary>The same with three stars for what stands where such a text has its password.</summary>
    public static string In(string argument) => Setting().Replace(UserInfo().Replace(argument, "***"), "***");

    [GeneratedRegex("(?<=://).*(?=@)", RegexOptions.Singleline)]
    private static partial Regex UserInfo();

    [GeneratedRegex("(?<=password\\s*=).*?(?=,|$)", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Setting();
}
